"""What a user waits for at first, each in a fresh process.

Targets of issue 2, with the bundled TravelMode data: `import choicekit` at most 1 s and without
matplotlib, torch, dask; the first fits with an empty numba cache at most 20 s; with a warm cache
import, logit, probit and their report at most 3 s.
"""

import statistics
import tempfile

import timing


def main() -> None:
    args = timing.arguments(__doc__, peers=False)
    print(timing.machine())
    print(f"medians of {args.repeat} fresh processes, seconds since python began the import\n")
    with tempfile.TemporaryDirectory() as cache:
        env = {"NUMBA_CACHE_DIR": cache}
        timing.run("choicekit_startup.py", "report", env=env)  # fills the cache, compiles the .pyc
        imports = runs("import", args.repeat, env)
        reports = runs("report", args.repeat, env)
    firsts = [] if args.tiny else [first_fit() for _ in range(args.repeat)]
    heavy = {name for found in imports for name in found["heavy"]}
    assert not heavy, f"import choicekit also imports {sorted(heavy)}"

    header = ["", "import", "+ logit", "+ probit", "+ report"]
    rows = [row("import alone", imports), row("warm cache", reports)]
    rows += [row("empty cache", firsts)] if firsts else []
    timing.print_table(header, rows)
    print()
    if firsts:
        print(f"said while compiling: {firsts[0]['said'] or 'nothing (not a terminal)'}\n")
        print(timing.verdict("first fits", middle(firsts, "probit"), 20, most=True, unit=" s"))
    print(timing.verdict("import", middle(imports, "import"), 1, most=True, unit=" s"))
    print(timing.verdict("whole report", middle(reports, "report"), 3, most=True, unit=" s"))


def runs(what: str, repeat: int, env: dict[str, str]) -> list[dict]:
    return [timing.run("choicekit_startup.py", what, env=env) for _ in range(repeat)]


def first_fit() -> dict:
    """Logit and probit where numba has nothing on disk."""
    with tempfile.TemporaryDirectory() as cache:
        return timing.run("choicekit_startup.py", "fit", env={"NUMBA_CACHE_DIR": cache})


def middle(found: list[dict], key: str) -> float:
    return statistics.median(one[key] for one in found)


def row(name: str, found: list[dict]) -> list[str]:
    keys = ("import", "logit", "probit", "report")
    return [name, *(f"{middle(found, key):.2f}" if key in found[0] else "" for key in keys)]


if __name__ == "__main__":
    main()
