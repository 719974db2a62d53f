//! Nothing to use: the tests of this package are processes of their own.
