"""The program `memr`, also as `python -m memr_cli`."""

from memr_cli.interrupts import leave_on_interrupt


def main() -> None:
    """Run `memr`."""
    leave_on_interrupt()
    from memr_cli.app import main as run  # most of what start-up takes

    run()


if __name__ == "__main__":
    main()
