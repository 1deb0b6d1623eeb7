"""Lucene's stop words as TypeScript: python stop_words.py <lucene-analysis-common.jar>"""
import sys, zipfile

jar = zipfile.ZipFile(sys.argv[1])
langs=[('german','snowball/german_stop.txt'),('french','snowball/french_stop.txt'),('spanish','snowball/spanish_stop.txt'),('italian','snowball/italian_stop.txt'),('portuguese','snowball/portuguese_stop.txt'),('dutch','snowball/dutch_stop.txt'),('swedish','snowball/swedish_stop.txt'),('russian','snowball/russian_stop.txt'),('arabic','ar/stopwords.txt'),('cjk','cjk/stopwords.txt')]
print('/** Lucene\'s stop words for other languages than English: Snowball\'s lists, and those of its Arabic and CJK analyzers. Made by test/reference/lucene/stop_words.py. */')
print('export const stopWords = {')
for n,f in langs:
    w=[]
    for l in jar.read('org/apache/lucene/analysis/'+f).decode('utf-8').splitlines():
        if 'snowball' in f: l=l.split('|')[0]; w+=l.split()
        else:
            if l.startswith('#'): continue
            l=l.strip()
            if l: w.append(l)
    w=sorted(set(w))
    print(f'  {n}:\n    "'+' '.join(w)+'",')
print('} as const')
