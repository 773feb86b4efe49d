"""The suites below belong to the services they test; test_apps.py runs each in its own process."""

collect_ignore_glob = ["*"]
