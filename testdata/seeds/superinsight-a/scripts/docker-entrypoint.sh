#!/bin/bash
# Prepares the data folders, then hands over to supervisor.
mkdir -p /data/postgresql /data/redis /data/label-studio
if [ ! -d "/data/postgresql/base" ]; then
    su - postgres -c "/usr/lib/postgresql/14/bin/initdb -D /data/postgresql"
fi
exec supervisord -n
