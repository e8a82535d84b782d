;; Computes without end.
(loop $on (br $on))
unreachable
