"""Texts of a language, one a line: python language_texts.py LANGUAGE COUNT <man pages' folder> <word list> > texts.txt

Lines of man pages in the language, words of a list a few at a time, and made-up words of the language's letters and endings.
"""
import glob, gzip, random, re, sys

language, count, pages, words = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
random.seed(1)
letters = {
    "german": "aeiounrstdhlgmbfkäöüßy", "french": "aeiounrstdlmpcvéèêàçôîuxf", "spanish": "aeiounrstdlmpcáéíóúñzü",
    "italian": "aeiounrstdlmpcàèìòùvhg", "portuguese": "aeiounrstdlmpcãõáéíóúçêhv", "dutch": "aeiounrstdlgkhjvbyëïè",
    "swedish": "aeiounrstdlgkfäåöyhj", "russian": "аеиоуыэюяёнтсрвлкмдпшщьйгх", "arabic": "ابتةثجحخدذرزسشصضطظعغفقكلمنهويىأإآءئؤـًٌٍَُِّْ٣",
    "cjk": "東京日本語かなカタナﾄﾞﾘｶﾞ한국어中文ＡＢ1 、。ー々",
}[language]
endings = {
    "german": "ern em en er es e s st est ung heit lich keit", "french": "issement issant ement ivement ficatrice ficateur catrice cateur atrice ateur trice ième teuse teur euse ère ive folle molle nnelle nnel ète ique esse inage isation ualisation isateur ation ition aux eaux s x ie er ées",
    "spanish": "o a e os as es eses ces idad mente", "italian": "ie he ii hi ia io e i a o mente", "portuguese": "es ns eis éis ais óis is ões ães mente s inha iaca eira osa ica ida ada iva ama ona ora esa na a o e",
    "dutch": "heden ene se en s e heid end ig ing lijk baar bar gem ïng aad eek oot uur igend igheid bare iging eien", "swedish": "a arna erna heterna orna ad e ade ande arne are aste en anden aren heten ern ar er heter or s as arnas es ades andes ens arens hetens erns at andet het ast ig lig els öst fullt dd gd nn dt gt kt tt",
    "russian": "в вши вшись ив ивши ившись ыв ее ие ое ыми ей ий ой ем им ом его ому их ую ая яя ем нн вш ивш ющ ующ щ ся сь ла ила на ена ете йте ли л но нно ет ют ны ть ешь ить ю а ев ов ия ями ах ость ост ейше ейш нь ннь",
    "arabic": "ها ان ات ون ين يه ية ه ة ي", "cjk": "東 か カ ﾞ 한",
}[language].split()
starts = {"arabic": "ال وال بال كال فال لل و".split(), "french": "l' d' qu’ L' jusqu' aujourd'".split(), "italian": "l' dell' un’ D' all'".split()}.get(language, [""])


def escape(text):
    return text.replace("\\", "\\\\")


out = []
for path in sorted(glob.glob(pages + "/**/*.gz", recursive=True)):
    text = gzip.open(path, "rb").read().decode("utf-8", "replace")
    for line in text.splitlines():
        line = re.sub(r"\\f.|^\.\w+ ?|\\", "", line).strip()
        if len(line) > 20 and not line.startswith(("'", ".")):
            out.append(escape(line))
random.shuffle(out)
out = out[: count * 6 // 10]
listed = []
if words != "-":
    listed = [line.strip().split("/")[0] for line in open(words, encoding="utf-8", errors="replace")]
    random.shuffle(listed)
while len(listed) >= 8 and len(out) < count * 85 // 100:
    out.append(escape(" ".join(random.choice(starts) + listed.pop() + random.choice(["", "", random.choice(endings)]) for _ in range(8))))
while len(out) < count:
    out.append(" ".join(
        random.choice(starts) + "".join(random.choice(letters) for _ in range(random.randint(1, 9))) + random.choice(endings + [""])
        for _ in range(6)))
sys.stdout.write("".join(f"{line}\n" for line in out))
