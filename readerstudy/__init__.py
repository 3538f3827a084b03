"""Django project of the reader study: settings, URLs and its apps."""
