"""Files on one side, plates on the other: pictures, sequences, movies and their colour spaces."""
