"""Every benchmark that needs no data from outside, one after the other."""

from benchmarks import concepts_list

if __name__ == "__main__":
    concepts_list.main()
