"""The entity types that can be told by pattern, check digits and words; and those that cannot. Data only."""

from __future__ import annotations

from collections.abc import Mapping

from awsglueml._entities.types import EntityType

_DRIVER = ("driver", "drivers", "driving", "driver s", "license", "licence", "dl", "fuhrerschein", "permis")
_PASSPORT = (
    "passport",
    "passport no",
    "passport number",
    "reisepass",
    "passeport",
    "pasaporte",
    "passaporto",
)
_ACCOUNT = ("account", "acct", "bank", "bank account", "checking", "savings", "iban", "konto")
_TAX = ("tax", "tin", "taxpayer", "tax id", "vat", "steuer", "fiscal")
_HEALTH = ("health", "medicare", "insurance", "claim", "member", "beneficiary", "patient", "hicn", "mbi")

_B, _E = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"


def _one(name: str, pattern: str, check: str = "", words: tuple[str, ...] = ()) -> EntityType:
    return EntityType(name=name, pattern=f"{_B}(?:{pattern}){_E}", check=check, words=words)


def _digits(count: int, separators: str = " .-") -> str:
    return rf"\d(?:[{separators.replace('-', '')}{'-' if '-' in separators else ''}]?\d){{{count - 1}}}"


_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_IPV6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|\d{1,3}(?:\.\d{1,3}){3})?"

_GENERAL = (
    EntityType(
        name="EMAIL",
        pattern=r"(?<![\w.+-])[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]+(?:\.[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]+)*"
        r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}(?![\w-])",
    ),
    _one("CREDIT_CARD", r"\d(?:[ -]?\d){12,18}", "card"),
    EntityType(
        name="IP_ADDRESS",
        pattern=rf"(?<![\w.:])(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?!\w|\.\d)|{_IPV6}(?![\w:]|\.\d))",
        check="ip",
    ),
    EntityType(
        name="MAC_ADDRESS",
        pattern=r"(?<![\w:.-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
        r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![\w:-])",
    ),
    EntityType(name="PHONE_NUMBER", pattern="", check="phone:US"),
    _one("BANK_ACCOUNT", r"\d{8,17}", words=_ACCOUNT),
    EntityType(
        name="DATE",
        pattern=rf"(?i)(?<![\w/-])(?:\d{{4}}[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])"
        rf"|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:\d{{4}}|\d{{2}})"
        rf"|(?:{_MONTHS})[a-z]*\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
        rf"|\d{{1,2}} (?:{_MONTHS})[a-z]*\.? \d{{4}})(?![\w/-])",
    ),
)

_USA = (
    EntityType(
        name="USA_SSN",
        pattern=rf"{_B}(?:\d{{3}}-\d{{2}}-\d{{4}}|\d{{3}} \d{{2}} \d{{4}}){_E}",
        check="std:us.ssn",
        words=("ssn", "social", "social security"),
        loose=rf"{_B}\d{{9}}{_E}",
    ),
    _one("USA_ITIN", r"9\d{2}[- ]?\d{2}[- ]?\d{4}", "std:us.itin"),
    _one("USA_ATIN", r"9\d{2}[- ]?93[- ]?\d{4}", "std:us.atin"),
    _one("USA_PTIN", r"P\d{8}", "std:us.ptin"),
    _one("USA_PASSPORT_NUMBER", r"[A-Za-z]\d{8}|\d{9}", words=_PASSPORT),
    _one("USA_DRIVING_LICENSE", r"[A-Za-z]{1,2}[- ]?\d(?:[- ]?\d){4,13}|\d{7,12}", words=_DRIVER),
    _one("USA_DEA_NUMBER", r"[ABCDEFGHJKLMPRSTUXabcdefghjklmprstux][A-Za-z9]\d{7}", "dea"),
    _one("USA_HCPCS_CODE", r"[A-VYa-vy]\d{4}", words=("hcpcs", "procedure", "code")),
    _one("USA_CPT_CODE", r"\d{4}[0-9FTUMftum]", words=("cpt", "procedure", "procedural")),
    _one("USA_NATIONAL_PROVIDER_IDENTIFIER", r"[12]\d{9}", "npi"),
    _one("USA_NATIONAL_DRUG_CODE", r"\d{4}-\d{4}-\d{2}|\d{5}-\d{3}-\d{2}|\d{5}-\d{4}-\d{1,2}"),
    _one("USA_HEALTH_INSURANCE_CLAIM_NUMBER", r"\d{3}-?\d{2}-?\d{4}-?[A-Za-z]\d?", words=_HEALTH),
    _one(
        "USA_MEDICARE_BENEFICIARY_IDENTIFIER",
        r"(?i:[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
        r"[AC-HJKMNP-RT-Y]{2}\d{2})",
    ),
)

_UK = (
    _one(
        "UK_NATIONAL_INSURANCE_NUMBER",
        r"(?i:(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D])",
    ),
    _one("UK_NATIONAL_HEALTH_SERVICE_NUMBER", _digits(10, " -"), "std:gb.nhs"),
    _one("UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER", r"\d{10}", "std:gb.utr", ("utr", *_TAX)),
    _one("UK_VALUE_ADDED_TAX", r"(?:GB)?[ ]?\d{3} ?\d{4} ?\d{2}(?: ?\d{3})?", "std:gb.vat"),
    _one("UK_PASSPORT_NUMBER", r"\d{9}", words=_PASSPORT),
    _one("UK_DRIVING_LICENSE", r"(?i:[A-Z9]{5}\d[0156]\d(?:[0-2]\d|3[01])\d[A-Z9]{2}\d[A-Z]{2})"),
    _one("UK_BANK_ACCOUNT", r"\d{8}", words=_ACCOUNT),
    _one("UK_BANK_SORT_CODE", r"\d{2}[- ]?\d{2}[- ]?\d{2}", words=("sort", "sortcode", "sort code")),
    _one("UK_ELECTORAL_ROLL_NUMBER", r"[A-Za-z]{2,3}\d{1,4}", words=("electoral", "elector")),
    EntityType(name="UK_PHONE_NUMBER", pattern="", check="phone:GB"),
    EntityType(name="CHINA_PHONE_NUMBER", pattern="", check="phone:CN"),
)

# Name, pattern, module of python-stdnum whose check digits decide.
_CHECKED: tuple[tuple[str, str, str], ...] = (
    ("ARGENTINA_TAX_IDENTIFICATION_NUMBER", _digits(11, " -"), "ar.cuit"),
    ("AUSTRALIA_BUSINESS_NUMBER", _digits(11, " "), "au.abn"),
    ("AUSTRALIA_COMPANY_NUMBER", _digits(9, " "), "au.acn"),
    ("AUSTRALIA_TAX_FILE_NUMBER", _digits(9, " ") + "|" + _digits(8, " "), "au.tfn"),
    ("AUSTRIA_SSN", _digits(10, " "), "at.vnr"),
    ("AUSTRIA_TAX_IDENTIFICATION_NUMBER", r"\d{2}[- ]?\d{3}[/ ]?\d{4}", "at.tin"),
    ("AUSTRIA_VALUE_ADDED_TAX", r"(?:AT ?)?U\d{8}", "at.uid"),
    ("BELGIUM_NATIONAL_IDENTIFICATION_NUMBER", r"\d{2}\.?\d{2}\.?\d{2}[- ]?\d{3}\.?\d{2}", "be.nn"),
    ("BELGIUM_VALUE_ADDED_TAX", r"(?:BE ?)?[01]?\d{3}\.?\d{3}\.?\d{3}", "be.vat"),
    ("BRAZIL_NATIONAL_REGISTRY_OF_LEGAL_ENTITIES_NUMBER", r"\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}", "br.cnpj"),
    ("BRAZIL_NATURAL_PERSON_REGISTRY_NUMBER", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", "br.cpf"),
    ("BULGARIA_UNIFORM_CIVIL_NUMBER", r"\d{10}", "bg.egn"),
    ("BULGARIA_VALUE_ADDED_TAX", r"(?:BG ?)?\d{9,10}", "bg.vat"),
    ("CANADA_SOCIAL_INSURANCE_NUMBER", _digits(9, " -"), "ca.sin"),
    ("CHILE_NATIONAL_IDENTIFICATION_NUMBER", r"\d{1,2}\.?\d{3}\.?\d{3}-?[0-9Kk]", "cl.rut"),
    ("CHINA_IDENTIFICATION", r"\d{17}[0-9Xx]", "cn.ric"),
    ("COLOMBIA_TAX_IDENTIFICATION_NUMBER", r"\d{3}\.?\d{3}\.?\d{3}-?\d", "co.nit"),
    ("CROATIA_PERSONAL_IDENTIFICATION_NUMBER", r"(?:HR ?)?\d{11}", "hr.oib"),
    ("CYPRUS_VALUE_ADDED_TAX", r"(?:CY ?)?\d{8}[A-Za-z]", "cy.vat"),
    ("CZECHIA_PERSONAL_IDENTIFICATION_NUMBER", r"\d{6}/?\d{3,4}", "cz.rc"),
    ("CZECHIA_VALUE_ADDED_TAX", r"CZ ?\d{8,10}", "cz.dic"),
    ("DENMARK_PERSONAL_IDENTIFICATION_NUMBER", r"\d{6}-?\d{4}", "dk.cpr"),
    ("DENMARK_VALUE_ADDED_TAX", r"(?:DK ?)\d{2} ?\d{2} ?\d{2} ?\d{2}", "dk.cvr"),
    ("ESTONIA_PERSONAL_IDENTIFICATION_CODE", r"[1-8]\d{10}", "ee.ik"),
    ("ESTONIA_VALUE_ADDED_TAX", r"(?:EE ?)\d{9}", "ee.kmkr"),
    ("FINLAND_NATIONAL_IDENTIFICATION_NUMBER", r"\d{6}[-+A-FU-Yu-y]\d{3}[0-9A-Ya-y]", "fi.hetu"),
    ("FINLAND_VALUE_ADDED_TAX", r"(?:FI ?)\d{8}", "fi.alv"),
    ("FRANCE_INSEE_CODE", r"[12] ?\d{2} ?\d{2} ?\d[0-9ABab] ?\d{3} ?\d{3} ?\d{2}", "fr.nir"),
    ("FRANCE_TAX_IDENTIFICATION_NUMBER", r"[0-3]\d ?\d{2} ?\d{3} ?\d{3} ?\d{3}", "fr.nif"),
    ("FRANCE_VALUE_ADDED_TAX", r"(?:FR ?)[0-9A-HJ-NP-Z]{2} ?\d{3} ?\d{3} ?\d{3}", "fr.tva"),
    ("GERMANY_TAX_IDENTIFICATION_NUMBER", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr"),
    ("GERMANY_VALUE_ADDED_TAX", r"(?:DE ?)\d{9}", "de.vat"),
    ("GREECE_SSN", r"\d{11}", "gr.amka"),
    ("GREECE_VALUE_ADDED_TAX", r"(?:EL ?|GR ?)\d{9}", "gr.vat"),
    ("HUNGARY_VALUE_ADDED_TAX", r"(?:HU ?)\d{8}", "hu.anum"),
    ("ICELAND_NATIONAL_IDENTIFICATION_NUMBER", r"\d{6}-?\d{4}", "is_.kennitala"),
    ("INDIA_AADHAAR_NUMBER", r"[2-9]\d{3} ?\d{4} ?\d{4}", "in_.aadhaar"),
    ("INDIA_PERMANENT_ACCOUNT_NUMBER", r"[A-Za-z]{5}\d{4}[A-Za-z]", "in_.pan"),
    ("INDONESIA_IDENTITY_CARD_NUMBER", r"\d{16}", "id.nik"),
    ("IRELAND_PERSONAL_PUBLIC_SERVICE_NUMBER", r"\d{7}[A-Wa-w][A-IWa-iw]?", "ie.pps"),
    ("IRELAND_VALUE_ADDED_TAX", r"(?:IE ?)\d[0-9A-Z+*]\d{5}[A-W][A-I]?", "ie.vat"),
    ("ISRAEL_IDENTIFICATION_NUMBER", r"\d{9}", "il.idnr"),
    ("ITALY_FISCAL_CODE", r"(?i:[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z])", "it.codicefiscale"),
    ("ITALY_VALUE_ADDED_TAX", r"(?:IT ?)\d{11}", "it.iva"),
    ("JAPAN_MY_NUMBER", _digits(12, " -"), "jp.in_"),
    ("KOREA_RESIDENCE_REGISTRATION_NUMBER_FOR_CITIZENS", r"\d{6}-?[0-4]\d{6}", "kr.rrn"),
    ("LATVIA_PERSONAL_IDENTIFICATION_NUMBER", r"\d{6}-?\d{5}", "lv.pvn"),
    ("LITHUANIA_PERSONAL_IDENTIFICATION_NUMBER", r"[3-6]\d{10}", "lt.asmens"),
    ("LITHUANIA_VALUE_ADDED_TAX", r"(?:LT ?)\d{9}(?:\d{3})?", "lt.pvm"),
    ("LUXEMBOURG_VALUE_ADDED_TAX", r"(?:LU ?)\d{8}", "lu.tva"),
    ("MALAYSIA_MYKAD_NUMBER", r"\d{6}-?\d{2}-?\d{4}", "my.nric"),
    ("MALTA_VALUE_ADDED_TAX", r"(?:MT ?)\d{8}", "mt.vat"),
    ("MEXICO_TAX_IDENTIFICATION_NUMBER", r"[A-Za-z&Ññ]{3,4}\d{6}[A-Za-z0-9]{3}", "mx.rfc"),
    ("MEXICO_UNIQUE_POPULATION_REGISTRY_CODE", r"(?i:[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d)", "mx.curp"),
    ("NETHERLANDS_CITIZEN_SERVICE_NUMBER", r"\d{4}\.?\d{2}\.?\d{3}", "nl.bsn"),
    ("NETHERLANDS_VALUE_ADDED_TAX", r"(?:NL ?)\d{9}B\d{2}", "nl.btw"),
    ("NEW_ZEALAND_TAX_IDENTIFICATION_NUMBER", r"\d{2,3}-?\d{3}-?\d{3}", "nz.ird"),
    ("NORWAY_BIRTH_NUMBER", r"\d{6} ?\d{5}", "no.fodselsnummer"),
    ("NORWAY_VALUE_ADDED_TAX", r"(?:NO ?)?\d{3} ?\d{3} ?\d{3} ?MVA", "no.mva"),
    ("POLAND_IDENTIFICATION_NUMBER", r"\d{11}", "pl.pesel"),
    ("POLAND_REGON_NUMBER", r"\d{9}(?:\d{5})?", "pl.regon"),
    ("POLAND_SSN", r"\d{11}", "pl.pesel"),
    ("POLAND_TAX_IDENTIFICATION_NUMBER", r"(?:PL ?)?\d{3}-?\d{3}-?\d{2}-?\d{2}", "pl.nip"),
    ("PORTUGAL_NATIONAL_IDENTIFICATION_NUMBER", r"\d{8} ?\d ?[A-Z0-9]{2}\d", "pt.cc"),
    ("PORTUGAL_TAX_IDENTIFICATION_NUMBER", r"[1-9]\d{2} ?\d{3} ?\d{3}", "pt.nif"),
    ("ROMANIA_NUMERICAL_PERSONAL_CODE", r"[1-9]\d{12}", "ro.cnp"),
    ("ROMANIA_VALUE_ADDED_TAX", r"(?:RO ?)\d{2,10}", "ro.cf"),
    ("SERBIA_VALUE_ADDED_TAX", r"(?:RS ?)?\d{9}", "rs.pib"),
    ("SINGAPORE_UNIQUE_ENTITY_NUMBER", r"\d{8,9}[A-Za-z]|[TSRtsr]\d{2}[A-Za-z]{2}\d{4}[A-Za-z]", "sg.uen"),
    ("SLOVAKIA_NATIONAL_IDENTIFICATION_NUMBER", r"\d{6}/?\d{3,4}", "sk.rc"),
    ("SLOVENIA_TAX_IDENTIFICATION_NUMBER", r"(?:SI ?)?\d{8}", "si.ddv"),
    ("SLOVENIA_UNIQUE_MASTER_CITIZEN_NUMBER", r"\d{13}", "si.emso"),
    ("SOUTH_AFRICA_PERSONAL_IDENTIFICATION_NUMBER", r"\d{6} ?\d{4} ?\d{2} ?\d", "za.idnr"),
    ("SPAIN_DNI", r"\d{8}-?[A-Za-z]", "es.dni"),
    ("SPAIN_TAX_IDENTIFICATION_NUMBER", r"[A-Za-z0-9]\d{7}-?[A-Za-z0-9]", "es.nif"),
    ("SWEDEN_PERSONAL_IDENTIFICATION_NUMBER", r"(?:\d{2})?\d{6}[-+]?\d{4}", "se.personnummer"),
    ("SWEDEN_VALUE_ADDED_TAX", r"(?:SE ?)\d{12}", "se.vat"),
    ("SWITZERLAND_AHV", r"756\.?\d{4}\.?\d{4}\.?\d{2}", "ch.ssn"),
    ("SWITZERLAND_VALUE_ADDED_TAX", r"CHE-?\d{3}\.?\d{3}\.?\d{3} ?(?:MWST|TVA|IVA|TPV)", "ch.vat"),
    ("THAILAND_PERSONAL_IDENTIFICATION_NUMBER", r"\d-?\d{4}-?\d{5}-?\d{2}-?\d", "th.pin"),
    ("TURKEY_NATIONAL_IDENTIFICATION_NUMBER", r"[1-9]\d{10}", "tr.tckimlik"),
    ("UKRAINE_INDIVIDUAL_IDENTIFICATION_NUMBER", r"\d{10}", "ua.rntrc"),
)

# Countries whose accounts are told by their IBAN.
_ACCOUNTS = {"FRANCE": "FR", "GERMANY": "DE", "ITALY": "IT", "NETHERLANDS": "NL"}

# Letters and digits of passports, by country; a word near them is needed, as many other things look like this.
_PASSPORTS = {
    "AUSTRALIA": r"[A-Za-z]{1,2}\d{7}", "AUSTRIA": r"[A-Za-z] ?\d{7}", "BELGIUM": r"[A-Za-z]{2}\d{6}",
    "CANADA": r"[A-Za-z]{2}\d{6}|[A-Za-z]\d{6}[A-Za-z]{2}", "CHINA": r"[EGegDdSsPpHh][A-Za-z]?\d{7,8}",
    "CROATIA": r"\d{9}", "FINLAND": r"[A-Za-z]{2}\d{7}", "FRANCE": r"\d{2}[A-Za-z]{2}\d{5}",
    "GERMANY": r"[CFGHJKcfghjk][CFGHJKLMNPRTVWXYZ0-9cfghjklmnprtvwxyz]{8}", "GREECE": r"[A-Za-z]{2}\d{7}",
    "IRELAND": r"[A-Za-z]{1,2}\d{7}", "ITALY": r"[A-Za-z]{2}\d{7}", "JAPAN": r"[A-Za-z]{2}\d{7}",
    "KOREA": r"[MmSsRrOoDd]\d{8}", "MALAYSIA": r"[AHKahk]\d{8}", "MEXICO": r"[A-Za-z]\d{8}",
    "NETHERLANDS": r"[A-Za-z]{2}[A-Za-z0-9]{6}\d", "POLAND": r"[A-Za-z]{2}\d{7}", "PORTUGAL": r"[A-Za-z]\d{6}",
    "SINGAPORE": r"[A-Za-z]\d{7}[A-Za-z]", "SPAIN": r"[A-Za-z]{2,3}\d{6}[A-Za-z]?", "SWEDEN": r"\d{8}",
    "SWITZERLAND": r"[A-Za-z]\d{7}|[A-Za-z]{2}\d{6}", "THAILAND": r"[A-Za-z]{1,2}\d{6,7}", "TURKEY": r"[A-Za-z]\d{8}",
}  # fmt: skip


def _all() -> dict[str, EntityType]:
    made = {one.name: one for one in (*_GENERAL, *_USA, *_UK)}
    for name, pattern, module in _CHECKED:
        made[name] = _one(name, pattern, f"std:{module}")
    for country, code in _ACCOUNTS.items():
        name = f"{country}_BANK_ACCOUNT"
        made[name] = _one(name, rf"{code}\d{{2}}(?: ?[A-Za-z0-9]){{11,27}}", "iban")
    for country, pattern in _PASSPORTS.items():
        name = f"{country}_PASSPORT_NUMBER"
        made[name] = _one(name, pattern, words=_PASSPORT)
    return made


ENTITY_TYPES: Mapping[str, EntityType] = _all()

# Told by a model of language at AWS. There is none here.
NEEDS_A_MODEL = frozenset({"PERSON_NAME", "ADDRESS", "CHINA_ADDRESS", "CHINA_CHINESE_NAME"})

# Other spellings of the same type.
SAME: Mapping[str, str] = {
    "USA_SNN": "USA_SSN",
    "US_PHONE": "PHONE_NUMBER",
    "USA_PHONE_NUMBER": "PHONE_NUMBER",
}
