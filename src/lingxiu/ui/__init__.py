"""How the house looks: base templates, components, static files, language. No domain logic."""
