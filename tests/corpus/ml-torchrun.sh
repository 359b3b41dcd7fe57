#!/bin/bash
#SBATCH --job-name=llm-pretrain
#SBATCH --partition=gpu
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=48
#SBATCH --mem=0
#SBATCH --time=2-00:00:00
#SBATCH --output=logs/%x_%j.out
#SBATCH --error=logs/%x_%j.err
#SBATCH --exclusive
#SBATCH --wait-all-nodes=1
set -euxo pipefail
nodes=( $(scontrol show hostnames $SLURM_JOB_NODELIST) )
export FI_PROVIDER=efa NCCL_DEBUG=INFO
srun torchrun --nnodes=$SLURM_NNODES --nproc_per_node=8 \
  --rdzv_backend=c10d --rdzv_endpoint=${nodes[0]}:29500 pretrain.py
