"""``python -m choicekit`` is the command ``choicekit``."""

from choicekit.cli import main

if __name__ == "__main__":
    main()
