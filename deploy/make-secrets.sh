#!/bin/sh
# Makes the files of secrets that compose.yaml names, with a new password; leaves those that are there.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
if [ ! -e secrets/postgres_password ]; then
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > secrets/postgres_password
fi
password=$(cat secrets/postgres_password)
[ -e secrets/forecast_store_url ] ||
    printf 'postgresql://forecast:%s@postgres/forecast' "$password" > secrets/forecast_store_url
[ -e secrets/mlflow_store_url ] ||
    printf 'postgresql+psycopg://forecast:%s@postgres/mlflow' "$password" > secrets/mlflow_store_url
# Compose mounts the files as they are, and the service's own user (10001) must read them; only we enter the folder.
chmod 700 secrets
chmod 644 secrets/*
echo "deploy/secrets is ready."
