"""A CIFF file as ciff-toolkit writes it, of lower-case words of some texts: python make.py ../lucene toolkit.ciff

Its documents stand in another order than the collection's (p0, p1, …), and one text is empty.
"""
import collections, gzip, os, re, sys
from ciff_toolkit.ciff_pb2 import DocRecord, Header, Posting, PostingsList
from ciff_toolkit.write import CiffWriter

source, out = sys.argv[1:]
texts = gzip.open(os.path.join(source, "documents.txt.gz"), "rt", encoding="utf-8").read().splitlines()[:40]
texts[7] = ""
counts = [collections.Counter(re.findall(r"[a-z]+", text.lower())) for text in texts]
order = sorted(range(len(counts)), key=lambda number: f"p{number}")
number_of = {row: number for number, row in enumerate(order)}
postings = collections.defaultdict(list)
for row, count in enumerate(counts):
    for word, times in count.items():
        postings[word].append((number_of[row], times))


def gaps(pairs):
    last = 0
    for number, times in sorted(pairs):
        yield Posting(docid=number - last, tf=times)
        last = number


lengths = [sum(count.values()) for count in counts]
with CiffWriter(out) as writer:
    writer.write_header(Header(
        version=1, num_postings_lists=len(postings), num_docs=len(counts), total_postings_lists=len(postings),
        total_docs=len(counts), total_terms_in_collection=sum(lengths),
        average_doclength=sum(lengths) / sum(length > 0 for length in lengths), description="ciff-toolkit"))
    writer.write_postings_lists(
        PostingsList(term=word, df=len(pairs), cf=sum(times for _, times in pairs), postings=gaps(pairs))
        for word, pairs in sorted(postings.items()))
    writer.write_documents(
        DocRecord(docid=number, collection_docid=f"p{row}", doclength=lengths[row]) for number, row in enumerate(order))
