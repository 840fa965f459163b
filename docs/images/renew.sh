#!/usr/bin/env bash
# Make docs/images/report.png anew: the top of the report page of a synthetic corpus, as `make demo`
# writes it. Needs `make install` and `make tools`.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH="$project/.venv/bin:$PATH"
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"

memr synth raw/
memr ingest raw/
memr audit
memr evaluate
memr compare visual acoustic lexical early late
memr ablate early
memr report

chromium --headless --no-sandbox --hide-scrollbars --window-size=1200,1500 \
    --screenshot="$folder/page.png" "file://$folder/report/report.html"
# 64 colours keep the file below 150 KB.
python - "$folder/page.png" "$project/docs/images/report.png" <<'PYTHON'
import sys

from PIL import Image

source, target = sys.argv[1:]
Image.open(source).convert("RGB").quantize(64).save(target, optimize=True)
PYTHON
