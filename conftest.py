"""Modules of libraries that are not installed are not looked through for doctests."""

from importlib.util import find_spec

NEEDS = {
    "torch": [
        "neural/autograd.py",
        "neural/losses.py",
        "neural/training.py",
        "utility/network.py",
    ],
    "marginaleffects": ["adapters/marginaleffects.py"],
    "sklearn": ["adapters/sklearn.py"],
    "stargazer": ["adapters/stargazer.py"],
}

collect_ignore = [
    f"src/choicekit/{file}"
    for library, files in NEEDS.items()
    if find_spec(library) is None
    for file in files
]
