import os

SECRET_KEY = os.environ.get("SECRET_KEY", "your-secret-key-here")
