// Nothing is imported from here: what Open MPI's macros hide is called in CMPI. This names the library to link.
