#!/bin/bash
#SBATCH -p gpu
#SBATCH --gpus-per-node=1
#SBATCH --exclusive
#SBATCH -o %x_%j.out
: "${IMAGE:=/fsx/images/pytorch.sqsh}"
srun -l --container-image "$IMAGE" python -c 'import torch'
