"""The doors: command line, HTTP, web pages, and the jobs that join the other rooms."""
