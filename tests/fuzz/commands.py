"""Command lines of the four rooms, right ones and ones changed at random."""

import random
from collections.abc import Sequence

__all__ = ["COMMANDS", "changed"]

COMMANDS: Sequence[str] = (
    "hw list",
    "hw verilog bfp_dot --preset hbfp4 --set lanes=2 -o out",
    "hw verilog approx_multiplier --set multiplier=mbm --set format=bfloat16 -o out",
    "hw verilog load_balancer --config good.toml -o out",
    "hw verilog stochastic_converter --set length=16 --set elements=4 -o out",
    "hw synth bfp_dot --preset msfp12 --target ecp5 --seeds 2 --mhz 50 -o out",
    "hw synth bfp_dot --target gates --liberty good.lib",
    "hw synth quantile_estimator --target xilinx --set lanes=2",
    "hw synth bfp_dot --device XC7Z020 --set lanes=4",
    "hw fit bfp_array --preset hbfp4 --device LFE5U-25F --mhz 100 --vary rows,lanes -o out",
    "hw doctor",
    "sw formats",
    "sw quantize good.npy --format hbfp4 --axis 1 --seed 3",
    "sw quantize good.npy --format mxint8 --rounding truncate",
    "sw multipliers --bits 3",
    "sw table mbm --bits 3 --layout byte -o out/mbm_3.bin",
    "sw table own.py:multiply --bits 2 -o out/own_2.bin",
    "sw train --epochs 1 --hidden 8 --batch 256 -o out/w.npz",
    "sw train --arith hbfp4,0=binary32 --epochs 1 --hidden 8 --batch 256",
    "sw train --arith fb12,input=fb16,0=fb24 --epochs 1 --batch 256 --seed 5",
    "sw train --arith lut:mbm_3.bin --epochs 1 --hidden 8 --batch 256",
    "sw train --arith boosters:1 --epochs 1 --hidden 8,8 --batch 256",
    "sw train --arith flexblock:0.1/0.2/0/1 --epochs 1 --hidden 8 --batch 256",
    "sw train --update essop:length=16,share=rotated --epochs 1 --hidden 8 --batch 256",
    "sw train --update pulsed:step=0.001,length=31 --epochs 1 --hidden 8 --batch 256",
    "sw train --sparse procrustes:keep=0.1,lanes=4 --epochs 1 --hidden 8 --batch 256",
    "sw train --rate 0.1 --momentum 0.5 --storage wide --epochs 1 --hidden 8 --batch 256",
    "sim run bfp_dot --preset hbfp4 --seed 7 --blocks 10 --junit out/r.xml",
    "sim run bfp_array --engine cocotb --sim icarus --blocks 10 --waves",
    "sim table mbm_3.bin --format bfloat16 --lanes 2 --blocks 10",
    "sim train --arith mbm3 --model mlp --data digits --steps 2 --batch 16",
    "sim train --arith fb12 --set rows=2 --set columns=2 --steps 2 --seed 3",
    "sim demo --preset hbfp4 --data digits --samples 4 --target gates -o out",
    "sim paper bfp --only density -o out",
    "sim bench -o out/bench.json",
    "boards list",
    "boards build icebreaker --unit bfp_dot --preset hbfp4 --clock 12 -o out",
    "boards build ulx3s-85f --estimate --set rows=2",
    "boards program icebreaker -o out",
    "boards simulate ulx3s-85f --unit bfp_dot --baud 3000000 --link out/board",
    "boards selftest --port none --baud 115200 --blocks 5 --seed 2",
)

WORDS = (
    "", " ", "-1", "0", "1", "1e400", "nan", "inf", "-inf", "1.5", "16.0", "9" * 30, "9" * 5000,
    "true", "None", "[1]", "{}", "{a = 1}", "é", "\u2028", "a,b", "a=b", "=", ",", ":",
    "=1", "rows=", "lanes=0", "lanes=2.0", "lanes=[2]", "format=hbfp4", "format.block=8",
    "format.block=0", "format.block=8x8", "format.mantissa_bits=99", "format=1", "seed=-1",
    "target=ecp5", "..", "/dev/null", "/proc/none/x", "none.npy", "broken.npy", "good.toml",
    "broken.toml", "folder", "hbfp4", "bfp_dot", "digits", "lut:", "lut:none", "lut:good.npy",
    "own.py:", "own.py:none", "broken.py:multiply", "essop:", "essop:length=3", "essop:length=16,",
    "procrustes:keep=2", "fb12,fb16", "fb12,9=fb16", "0=fb12", "boosters:0", "boosters:99",
    "flexblock:9/1/0/1", "mbm0", "mbm99", "realm", "drum", "xilinx", "--help", "--", "-o", "--set",
    *("x" * 300 + end for end in ("", ".npz", "_3.bin")),
)  # fmt: skip


def changed(rng: random.Random) -> list[str]:
    """Return a command line with one to three of its words changed."""
    words = rng.choice(COMMANDS).split()
    head, words = words[:1], words[1:]
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(words) + 1)
        change = rng.choice((0, 1, 2, 3, 3, 3, 3, 3, 4, 5))
        if change == 0 and words:
            del words[min(place, len(words) - 1)]
        elif change == 1:
            words.insert(place, rng.choice(WORDS))
        elif change == 2 and words:
            at = min(place, len(words) - 1)
            words.insert(at, words[at])
        elif change == 3 and words:
            at = min(place, len(words) - 1)
            name, equals, _ = words[at].rpartition("=")
            words[at] = f"{name}={rng.choice(WORDS)}" if equals else rng.choice(WORDS)
        elif change == 4 and words:
            at = min(place, len(words) - 1)
            cut = rng.randrange(len(words[at]) + 1)
            words[at] = words[at][:cut] + rng.choice("x0-=,:. ") + words[at][cut + 1 :]
        else:
            other = rng.choice(COMMANDS).split()[1:]
            words.insert(place, rng.choice(other) if other else "-h")
    return head + words
