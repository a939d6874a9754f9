"""Makes the sample collections: regulatory reports in the shape in which supervisors collect them.

Run it to make the CSV files beside it anew; they are always the same.
"""

import csv
import random
from datetime import date
from pathlib import Path

INSTITUTIONS = [
    (1039502, "First Harbor Bancorp"),
    (1073757, "Prairie National Holdings"),
    (1119794, "Granite State Financial"),
    (2162966, "Bluewater Trust Group"),
    (1951350, "Cedar & Elm, Inc."),
    (3587146, 'The "Old Mill" Savings Corp'),
]
ITEMS = {
    "FRY9C": [
        ("BHCK2170", "Total assets", 9_000_000, 400_000_000),
        ("BHCK2948", "Total liabilities", 8_000_000, 360_000_000),
        ("BHCK3210", "Total equity capital", 900_000, 40_000_000),
        ("BHCK4340", "Net income", -200_000, 5_000_000),
        ("BHCAA223", "Risk-weighted assets", 6_000_000, 250_000_000),
    ],
    "FR2052A": [
        ("LIQ00010", "High quality liquid assets", 1_000_000, 90_000_000),
        ("LIQ00020", "Net cash outflows, 30 days", 800_000, 80_000_000),
    ],
    "FFIEC041": [
        ("RCON2200", "Total deposits", 5_000_000, 200_000_000),
        ("RCON2122", "Loans and leases, net", 4_000_000, 180_000_000),
        ("RIAD4230", "Provision for credit losses", 1_000, 2_000_000),
    ],
}
QUARTERS = [date(year, month, day) for year in (2024, 2025) for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))]


def main() -> None:
    """Write one file for each series."""
    random.seed(20260216)
    for series, items in ITEMS.items():
        path = Path(__file__).parent / f"{series.lower()}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["series", "report_date", "rssd_id", "institution", "mdrm_code", "item", "amount_usd_thousands"])
            for quarter in QUARTERS:
                for rssd, name in INSTITUTIONS:
                    for code, item, low, high in items:
                        writer.writerow([series, quarter.isoformat(), rssd, name, code, item, random.randint(low, high)])


if __name__ == "__main__":
    main()
