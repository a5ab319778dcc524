#!/bin/sh
# Makes .venv with all that the project needs: finds a Python, finds or fetches uv, lets uv follow the lock.
# PYTHON=/path/to/python chooses the Python.
set -eu

UV_WANTED='uv>=0.9,<0.14'

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.11 or newer found (tried: ${PYTHON:-python3, python3.11 to 3.14}); set PYTHON=/path/to/it." >&2
    exit 1
}

make_environment() {
    python=$(find_python)
    echo "making .venv with $("$python" --version)"
    if ! "$python" -m venv --clear .venv; then
        echo "$python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
}

fits() {
    "$1" --version 2>/dev/null | awk '{ split($2, v, "."); ok = v[1] > 0 || v[2] >= 9 } END { exit !ok }'
}

# An environment whose Python is gone or too old is made anew.
if ! is_new_enough .venv/bin/python; then
    make_environment
fi

export UV_PROJECT_ENVIRONMENT="$PWD/.venv"
if fits uv; then
    uv sync --frozen --quiet --python .venv/bin/python
else
    if ! fits .venv/bin/uv; then
        .venv/bin/python -m pip --version >/dev/null 2>&1 || make_environment
        .venv/bin/python -m pip install --quiet --disable-pip-version-check "$UV_WANTED"
    fi
    # inexact: uv itself is in the environment, but not in the lock
    .venv/bin/uv sync --frozen --quiet --inexact --python .venv/bin/python
fi
