"""HTTP: the application, its routes and pages."""
