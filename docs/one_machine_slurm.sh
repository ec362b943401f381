#!/usr/bin/env bash
# A SLURM of one machine and two nodes, for trying the profile.  Root; needs Debian's slurm-wlm.
#   one_machine_slurm.sh up DIR      start it, its state below DIR
#   one_machine_slurm.sh down DIR    stop it and remove its configuration
set -euo pipefail
action=${1:?up or down} dir=${2:?a folder} host=$(hostname -s)

up() {
    mkdir -p "$dir"/{state,log,run,spool/n1,spool/n2} /etc/slurm
    # The plugin strips SLURM_* from a job's environment, so the configuration must be at its default
    # place; no cgroups, no accounting database and no munge.  A job above its memory is killed.
    cat > /etc/slurm/slurm.conf <<CONF
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort=16817
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
MinJobAge=3600
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=n1 NodeAddr=127.0.0.1 NodeHostname=$host Port=17001 CPUs=2 RealMemory=8000 State=UNKNOWN
NodeName=n2 NodeAddr=127.0.0.1 NodeHostname=$host Port=17002 CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=cpu Nodes=n1,n2 Default=YES State=UP
CONF
    slurmctld
    slurmd -N n1
    slurmd -N n2
    for _ in $(seq 50); do
        [ "$(sinfo -h -N -p cpu -t idle -o %N | wc -l)" = 2 ] && break
        sleep 0.2
    done
    sinfo -N
}

down() {
    for pid in "$dir"/run/*.pid; do
        if [ -e "$pid" ]; then kill "$(cat "$pid")" || true; fi
    done
    rm -f /etc/slurm/slurm.conf
}

"$action"
