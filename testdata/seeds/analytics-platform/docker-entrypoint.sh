#!/bin/sh
set -e
mkdir -p /app/data /app/config /app/logs /app/reports
exec streamlit run /app/app.py
