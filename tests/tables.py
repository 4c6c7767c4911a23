"""Small table files for tests."""

from pathlib import Path

import numpy as np

HOUSES = """Id,area,rooms,town,street,price
a1,50,2,Ulm,paved,100
a2,80,,Köln,paved,180
a3,,4,Ulm,,210
a4,120,5,Bonn,gravel,260
a5,65,3,Ulm,paved,140
a6,95,4,Köln,paved,205
a7,70,NA,Ulm,gravel,150
a8,110,5,Köln,paved,240
"""


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def write_houses(path: Path, rows: int, *, seed: int = 0, prices: bool = True) -> None:
    """A file in the form of the Kaggle house prices with a few of its columns; "NA" where a value is missing."""
    random = np.random.default_rng(seed)
    lines = ["Id,MSSubClass,LotFrontage,LotArea,Alley,Neighborhood" + (",SalePrice" if prices else "")]
    for at in range(1, rows + 1):
        area, town = int(random.lognormal(9, 0.5)), random.choice(["NAmes", "OldTown", "Gilbert"])
        front = "NA" if random.random() < 0.2 else str(int(random.normal(70, 20)))
        alley = random.choice(["NA", "Pave", "Grvl"], p=[0.9, 0.05, 0.05])
        line = f"{at},{random.choice([20, 60])},{front},{area},{alley},{town}"
        lines.append(line + (f",{int(5e4 + 10 * area * random.lognormal(0, 0.1))}" if prices else ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
