"""What each move does to a claimed issue, its assignments and its reports, an idea a module. Whether it may, never here."""
