#!/bin/bash
#PBS --queue compute
true
