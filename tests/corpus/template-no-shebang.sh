#SBATCH --time=5
echo hello
