"""The lesson ``15-elmo``: a language model that reads from both ends, and a word's vector in its sentence."""
