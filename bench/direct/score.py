"""What a data scientist writes instead: read a CSV file in blocks, predict, write.

Usage: python score.py MODEL_FOLDER INPUT OUTPUT
"""

import os
import sys

import pandas as pd

BLOCK = 10_000

folder, source, target = (os.path.abspath(path) for path in sys.argv[1:4])
os.chdir(folder)
sys.path.insert(0, folder)

from model import predict  # noqa: E402

for i, block in enumerate(pd.read_csv(source, chunksize=BLOCK)):
    answers = pd.DataFrame(predict(block))
    answers.to_csv(target, mode="a" if i else "w", header=i == 0, index=False)
