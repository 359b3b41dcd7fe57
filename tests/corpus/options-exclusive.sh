#!/bin/bash
# options: --exclusive=user --gres=gpu:1 --partition=gpu --nice=7
true
