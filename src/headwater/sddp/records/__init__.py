"""What training and simulation leave behind, as plain records."""
