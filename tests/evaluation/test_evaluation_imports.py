import subprocess
import sys

MODULES = ("bootstrap", "columns", "fusion", "leakage", "metrics", "protocols", "similarity")


def test_evaluation_imports_nothing_heavier_than_numpy() -> None:
    program = (
        "import sys;"
        + "".join(f"import memr_cli.evaluation.{name};" for name in MODULES)
        + "print(sorted({'torch', 'sklearn', 'scipy', 'h5py', 'pandas'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
