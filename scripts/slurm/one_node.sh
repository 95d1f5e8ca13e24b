#!/usr/bin/env bash
# A Slurm of one node on this machine, to try out `production=slurm` and to run the tests of it (pytest -m slurm).
#
#   scripts/slurm/one_node.sh up       install what is missing (Debian, Ubuntu: apt), write a configuration, start
#   scripts/slurm/one_node.sh status   is it running, what is in its queue
#   scripts/slurm/one_node.sh down     cancel its jobs, stop the daemons it started, remove what it wrote
#
# `up` prints the line that a shell needs to use it:  eval "$(scripts/slurm/one_node.sh up)"
# Running it again starts what has died and leaves the rest alone. Exit code 3: the packages cannot be had.
#
# Everything but the packages lies in one folder, which only root may enter: configuration, key, state, spool, logs.
# Nothing in /etc is read or changed, and no systemd is needed. Slurm listens on the loopback interface alone where the
# host's name stands for 127.0.0.1; elsewhere on all, and takes only what is signed with the key (`up` says so).
#
#   PROPMAT_SLURM_DIR    that folder                          [/tmp/propmat-slurm-<user>]
#   PROPMAT_SLURM_PORT   first of two free TCP ports          [26817]
#   PROPMAT_SLURM_CPUS   processors that Slurm believes in    [as many as there are, at least 4]
set -euo pipefail

DIR=${PROPMAT_SLURM_DIR:-/tmp/propmat-slurm-$(id -un)}
PORT=${PROPMAT_SLURM_PORT:-26817}
CPUS=${PROPMAT_SLURM_CPUS:-$(($(nproc) > 4 ? $(nproc) : 4))}
CONF=$DIR/slurm.conf
MARK="# written by propmat's scripts/slurm/one_node.sh"
DAEMONS="munged slurmctld slurmd" # in the order of starting
export SLURM_CONF=$CONF
export PATH=$PATH:/usr/sbin:/sbin # where the daemons are, also under a PATH made for users

say() { echo "one_node.sh: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

no_packages() {
    say "$*"
    exit 3
}

pid_of() { # daemon -> its process id, if it is the one that this script started and it lives
    local pid
    pid=$(cat "$DIR/$1.pid" 2>/dev/null) || return 1
    { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF "$DIR" && echo "$pid"
}

ours() { [[ -f $CONF ]] && grep -qxF "$MARK" "$CONF"; }

wait_for() { # seconds, command...: until it succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

check_caller() {
    [[ $(id -u) == 0 ]] || fail "needs root: slurmd starts tasks as the users they belong to. Try: sudo $0 $1"
    [[ $DIR == /* ]] || fail "PROPMAT_SLURM_DIR = $DIR must be an absolute path."
    if [[ -L $DIR || (-e $DIR && ! -O $DIR) ]]; then
        fail "$DIR is not root's own folder: remove it or choose another PROPMAT_SLURM_DIR."
    fi
    if [[ -d $DIR && -n $(ls -A "$DIR") ]] && ! ours; then
        fail "$DIR holds files that are not of this script: remove them or choose another PROPMAT_SLURM_DIR."
    fi
}

install_missing() {
    local command missing=""
    for command in munged slurmctld slurmd sbatch; do
        command -v $command >/dev/null || missing="$missing $command"
    done
    [[ -n $missing ]] || return 0
    command -v apt-get >/dev/null || no_packages "there is no$missing and no apt-get to install them with."
    say "installing Debian's packages of$missing"
    local -a install=(apt-get install -qq -y --no-install-recommends munge slurmctld slurmd slurm-client)
    export DEBIAN_FRONTEND=noninteractive
    "${install[@]}" >&2 || { apt-get update -qq >&2 && "${install[@]}" >&2; } ||
        no_packages "apt-get could not install munge, slurmctld, slurmd and slurm-client (see above; is there a network?)."
}

check_ports() {
    local port daemon
    for daemon in slurmctld slurmd; do
        port=$((PORT + (${#daemon} == 6)))
        if ! pid_of $daemon >/dev/null && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            fail "port $port of $daemon is taken: choose two free ones by PROPMAT_SLURM_PORT."
        fi
    done
}

write_configuration() {
    local host bind=""
    host=$(hostname -s 2>/dev/null || hostname)
    # Slurm can bind to the address that the host's name stands for, or to all.
    if [[ $(getent ahostsv4 "$(hostname)" || true) == "127.0.0.1 "* ]]; then
        bind="CommunicationParameters=NoCtldInAddrAny,NoInAddrAny"
    else
        say "$(hostname) does not stand for 127.0.0.1 here: listening on all interfaces"
    fi
    umask 077
    mkdir -p "$DIR/state" "$DIR/spool"
    head -c 1024 /dev/urandom >"$DIR/munge.key"
    cat >"$DIR/new.conf" <<END
$MARK
ClusterName=propmat
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$PORT
SlurmdPort=$((PORT + 1))
$bind
SlurmUser=root
SlurmdUser=root

# A munge of its own: with auth/none any local user could run jobs as root. A requeued job waits until the credential
# of its first run has expired.
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$DIR/munge.socket,cred_expire=5

SlurmctldPidFile=$DIR/slurmctld.pid
SlurmdPidFile=$DIR/slurmd.pid
SlurmctldLogFile=$DIR/slurmctld.log
SlurmdLogFile=$DIR/slurmd.log
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool

# No cgroups, no accounting, no binding to cores: a container allows none of them.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU

# Jobs may be requeued, and a job in "high" takes the place of one in "normal".
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE

# Short intervals [s]: made for tests.
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=5
MinJobAge=60
InactiveLimit=0
CompleteWait=0
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2

# config_overrides: more processors may be claimed than there are, so that four tasks run at once on two cores.
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$CPUS RealMemory=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
PartitionName=normal Nodes=$host Default=YES MaxTime=UNLIMITED DefaultTime=60 PriorityTier=1 GraceTime=0
PartitionName=high Nodes=$host MaxTime=UNLIMITED DefaultTime=60 PriorityTier=2 PreemptMode=OFF
END
    mv "$DIR/new.conf" "$CONF"
}

start() { # daemon, command...: unless it runs
    local daemon=$1
    shift
    pid_of "$daemon" >/dev/null && return
    rm -f "$DIR/$daemon.pid"
    if ! { "$@" >>"$DIR/$daemon.start" 2>&1 && wait_for 10 pid_of "$daemon" >/dev/null; }; then broken "$daemon"; fi
}

broken() {
    tail -n 20 "$DIR/$1.start" "$DIR/$1.log" >&2 2>/dev/null || true
    fail "$1 did not come up; its last words are above."
}

ready() { [[ $(sinfo -h -p normal -o %T 2>/dev/null) =~ ^(idle|mixed|allocated|completing)$ ]]; }

up() {
    check_caller up
    install_missing
    check_ports
    ours || write_configuration
    start munged munged --force --key-file="$DIR/munge.key" --socket="$DIR/munge.socket" --num-threads=2 \
        --pid-file="$DIR/munged.pid" --log-file="$DIR/munged.log" --seed-file="$DIR/munged.seed"
    start slurmctld slurmctld -f "$CONF"
    start slurmd slurmd -f "$CONF"
    wait_for 30 ready || broken slurmd
    say "$(sinfo -h -p normal -o '%D node of %c processors is %T'); stop it with $0 down"
    echo "export SLURM_CONF=$CONF"
}

status() {
    local daemon pid missing=0
    for daemon in $DAEMONS; do
        if pid=$(pid_of "$daemon"); then
            echo "$daemon runs (process $pid)"
        else
            echo "$daemon does not run"
            missing=1
        fi
    done
    ((missing)) && return 1
    sinfo
    squeue
    echo "export SLURM_CONF=$CONF"
}

processes_of_jobs() { # what slurmd started: carries our SLURM_CONF and the number of a job, or is a slurmstepd of ours
    local environment process
    for environment in /proc/[0-9]*/environ; do
        process=${environment%/environ}
        grep -qzxF "SLURM_CONF=$CONF" "$environment" 2>/dev/null || continue
        if grep -qz '^SLURM_JOB_ID=' "$environment" || [[ $(cat "$process/comm" 2>/dev/null) == slurmstepd ]]; then
            echo "${process#/proc/}"
        fi
    done
}

quiet() { [[ -z $(squeue -h 2>/dev/null) && -z $(processes_of_jobs) ]]; }
gone() { ! kill -0 "$1" 2>/dev/null; }

down() {
    check_caller down
    local daemon pid
    if ours; then
        if pid_of slurmctld >/dev/null; then
            squeue -h -o %A | sort -u | xargs -r scancel || true
            wait_for 15 quiet || say "some jobs do not end by themselves: killed"
        fi
        for daemon in slurmd slurmctld munged; do
            pid=$(pid_of $daemon) || continue
            kill "$pid"
            wait_for 10 gone "$pid" || kill -9 "$pid"
        done
        processes_of_jobs | xargs -r kill -9 2>/dev/null || true
        rm -rf "$DIR"
    elif [[ -d $DIR ]]; then
        rmdir "$DIR"
    fi
    say "down; $DIR is gone, Debian's packages stay"
}

case ${1:-} in
up | down | status) "$1" ;;
*)
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
