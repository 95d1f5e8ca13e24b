#!/usr/bin/env bash
# Everything to do on a machine with one NVIDIA GPU, in commands of at most ten minutes; see README.md beside this.
#   lease.sh check      what is there, the gpu tests, the benchmark
#   lease.sh tune       the benchmark's tables of other shapes and sizes of a launch
#   lease.sh produce    particles until the store is complete (exit code 0) or nine minutes are over (3: run it again)
#   lease.sh profile    what Nsight Compute says of one launch, where ncu may read the counters
# Logs and results go to $OUT (default: /tmp/propmat-gpu/out), the store in work to $STORE (/tmp/propmat-gpu/particles).
set -uo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH="$PWD" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
OUT="${OUT:-/tmp/propmat-gpu/out}"
STORE="${STORE:-/tmp/propmat-gpu/particles}"
python="${PYTHON:-python3}"
mkdir -p "$OUT" "$(dirname "$STORE")"

surroundings() {
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader
    "$python" - <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, version

names = ("numba", "numba-cuda", "cuda-bindings", "llvmlite", "numpy", "scipy", "h5py", "rich", "torch")
for name in names:
    try:
        print(f"{name} {version(name)}", end=", ")
    except PackageNotFoundError:
        print(f"no {name}", end=", ")
print(f"Python {sys.version.split()[0]}")

from propmat.heliosphere.kernels.cuda import check_cuda

check_cuda()
print("check_cuda: ready")
PYTHON
}

case "${1:-}" in
check)
    surroundings 2>&1 | tee "$OUT/machine.log" || exit 2
    timeout 240 "$python" -m pytest -p no:cacheprovider -m gpu tests/unit/heliosphere/test_cuda_gpu.py 2>&1 |
        tee "$OUT/tests.log"
    tests=$?
    timeout 330 "$python" scripts/benchmarks/sde_throughput.py --device cuda 2>&1 | tee "$OUT/benchmark.log"
    echo "exit codes: tests $tests, benchmark $?"
    exit "$tests"
    ;;
tune)
    timeout 560 "$python" scripts/benchmarks/sde_throughput.py --device cuda --tune --particles 4096 2>&1 |
        tee "$OUT/tuning.log"
    ;;
produce)
    "$python" scripts/gpu/produce.py "$STORE" --seconds 520 --pack "$OUT" "${@:2}" 2>&1 | tee -a "$OUT/production.log"
    ;;
profile)
    timeout 300 ncu --clock-control none --set full --kernel-name regex:kernel --launch-skip 1 --launch-count 1 \
        "$python" -c "
from propmat.heliosphere import Heliosphere, simulate
point = {'B0': 5.0, 'tilt': 15.0, 'K0': 0.15, 'a': 0.5, 'b': 2.0}
for particles in (64, 2**16):
    simulate(Heliosphere.preset('paper'), species='proton', polarity=-1, kinetic_energy=1.0, parameters=point,
             particles=particles, seed=7, device='cuda')
" 2>&1 | tee "$OUT/profile.log"
    ;;
*)
    sed -n '2,7p' "$0"
    exit 2
    ;;
esac
