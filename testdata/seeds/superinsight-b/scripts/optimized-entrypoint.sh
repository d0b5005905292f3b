#!/bin/bash
set -e

start_database() {
    echo "Starting PostgreSQL..."
    su - postgres -c "/usr/lib/postgresql/14/bin/postgres -D /data/postgresql" &
    until pg_isready -h localhost -p 5432; do
        echo "Waiting for PostgreSQL..."
        sleep 2
    done
    alembic upgrade head
}

start_redis() {
    echo "Starting Redis..."
    redis-server /etc/redis/redis.conf &
    until redis-cli ping; do
        echo "Waiting for Redis..."
        sleep 1
    done
}

start_label_studio() {
    export LABEL_STUDIO_BASE_DATA_DIR=/data/label-studio
    label-studio start --host 0.0.0.0 --port 8080 &
}

start_fastapi() {
    uvicorn main:app --host 0.0.0.0 --port 8000 &
}

start_database &
start_redis &
wait

start_label_studio &
start_fastapi &
nginx -g "daemon off;" &
wait
