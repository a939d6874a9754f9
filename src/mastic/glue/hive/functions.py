"""User-defined functions. Owns no state: everything is a call of the Glue API."""

from __future__ import annotations

from typing import Any

from mastic.errors import ServiceError
from mastic.glue.hive import names
from mastic.glue.hive.calls import Calls, place
from mastic.glue.hive.failures import invalid_object, no_such
from mastic.glue.hive.inputs import present
from mastic.glue.hive.shapes import seconds

_OWNERS = {1: "USER", 2: "ROLE", 3: "GROUP"}
_RESOURCES = {1: "JAR", 2: "FILE", 3: "ARCHIVE"}
_OWNER_NUMBERS = {name: number for number, name in _OWNERS.items()}
_RESOURCE_NUMBERS = {name: number for number, name in _RESOURCES.items()}
JAVA = 1


class Functions:
    """The methods."""

    def __init__(self, *, calls: Calls, definition: Any) -> None:
        self._calls = calls
        self._types = definition

    def create_function(self, given: Any) -> None:
        """Raises AlreadyExistsException, NoSuchObjectException for the database."""
        where = place(given.dbName, given.catName)
        self._calls("CreateUserDefinedFunction", FunctionInput=_input(given), **where)

    def alter_function(self, database: str, name: str, new: Any) -> None:
        """Raises InvalidOperationException."""
        self._calls(
            "UpdateUserDefinedFunction", FunctionName=name, FunctionInput=_input(new), **place(database)
        )

    def drop_function(self, database: str, name: str) -> None:
        """Raises NoSuchObjectException."""
        self._calls("DeleteUserDefinedFunction", FunctionName=name, **place(database))

    def get_function(self, database: str, name: str) -> Any:
        """Raises NoSuchObjectException."""
        try:
            found = self._calls("GetUserDefinedFunction", FunctionName=name, **place(database))
        except ServiceError as error:
            if error.code != "EntityNotFoundException":
                raise
            # Spark looks for these very words to know that it may create the function.
            raise no_such(f"Function {database}.{name} does not exist") from None
        return self._shown(found["UserDefinedFunction"])

    def get_functions(self, database: str, pattern: str) -> list[str]:
        """The names that match."""
        listed = self._calls.pages(
            "GetUserDefinedFunctions", "UserDefinedFunctions", Pattern="*", **place(database)
        )
        return names.matching(pattern, [one["FunctionName"] for one in listed])

    def get_all_functions(self) -> Any:
        """Those of every database."""
        listed = self._calls.pages("GetUserDefinedFunctions", "UserDefinedFunctions", Pattern="*")
        return self._types.GetAllFunctionsResponse(functions=[self._shown(one) for one in listed])

    def _shown(self, given: dict[str, Any]) -> Any:
        return self._types.Function(
            functionName=given["FunctionName"],
            dbName=given["DatabaseName"],
            className=given.get("ClassName") or "",
            ownerName=given.get("OwnerName") or "",
            ownerType=_OWNER_NUMBERS.get(given.get("OwnerType") or "USER", 1),
            createTime=seconds(given.get("CreateTime")),
            functionType=JAVA,
            resourceUris=[
                self._types.ResourceUri(resourceType=_RESOURCE_NUMBERS[one["ResourceType"]], uri=one["Uri"])
                for one in given.get("ResourceUris") or []
                if one.get("ResourceType") in _RESOURCE_NUMBERS and one.get("Uri")
            ],
            catName="hive",
        )


def _input(given: Any) -> dict[str, Any]:
    if not given.functionName:
        raise invalid_object("A function needs a name")
    try:
        resources = [
            {"ResourceType": _RESOURCES[one.resourceType], "Uri": one.uri} for one in given.resourceUris or []
        ]
        owner = _OWNERS[given.ownerType or 1]
    except KeyError as error:
        raise invalid_object(f"There is no type {error} of resources or owners") from error
    return present(
        FunctionName=given.functionName,
        ClassName=given.className or None,
        OwnerName=given.ownerName or None,
        OwnerType=owner,
        ResourceUris=resources,
    )
