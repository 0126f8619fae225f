"""`python -m rlhf RECIPE` (the first line of a recipe) and `python -m rlhf COMMAND …` (the `rlhf` command)."""

from rlhf.cli import main

if __name__ == "__main__":
    main()
