/* descriptors - those that are open, from a number on. closefrom and what posix_spawn has of the kind are not in every C library. */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

/* Closes all from lowest on. */
void descriptors_close_from(int lowest);
/* Programs that are started from now on do not get them. */
void descriptors_hide_from(int lowest);

#endif
