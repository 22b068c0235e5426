"""Invented names. No surname of the list is borne by anybody that we could find."""

from typing import Final

GIVEN: Final = (
    *("Ada", "Alder", "Anselm", "Bel", "Bram", "Briar", "Calla", "Cass", "Corin", "Dilys", "Eben", "Elowen"),
    *(
        "Emrys",
        "Fenn",
        "Flora",
        "Gale",
        "Greta",
        "Hal",
        "Hester",
        "Ilse",
        "Ivo",
        "Jago",
        "Jem",
        "Juno",
        "Kit",
    ),
    *("Lark", "Linden", "Lowen", "Mabyn", "Merrin", "Milo", "Nell", "Noor", "Oona", "Orrin", "Perran", "Pia"),
    *(
        "Quill",
        "Rafe",
        "Rhoda",
        "Rowan",
        "Sable",
        "Senara",
        "Silas",
        "Sorrel",
        "Tam",
        "Tegen",
        "Tobin",
        "Una",
    ),
    *("Vesper", "Wilf", "Yarrow", "Zennor"),
)
SURNAMES: Final = (
    *("Applegarrow", "Ashlocke", "Barrowby-Venn", "Bellwhistle", "Bracklemoor", "Brindlecote", "Candlewick"),
    *(
        "Chalkhollow",
        "Copperthistle",
        "Crabapplegate",
        "Dapplestone",
        "Dewsnape",
        "Drystonewall",
        "Elderquill",
    ),
    *("Fallowmere", "Fernhackle", "Foxtwine", "Gableshaw", "Gorsewick", "Greenhallow", "Hatherquist"),
    *("Hazelbrake", "Hollowdene", "Ironbrook", "Ivydrake", "Jackdawley", "Kestrelmoor", "Kingsfurrow"),
    *(
        "Lambsgarth",
        "Larkenfold",
        "Limewhisker",
        "Marlpit",
        "Meadowsick",
        "Millquern",
        "Mossback",
        "Nettlesong",
    ),
    *("Oakhollister", "Otterbank", "Pebblecote", "Penhallowick", "Plumthorn", "Quarrendene", "Rainscombe"),
    *("Reedwhistle", "Rookstair", "Saltmarrow", "Sedgeberrow", "Shalehaven", "Skylarking", "Stillwater-Pym"),
    *("Tallowmere", "Thornwistle", "Tidewrack", "Underhazel", "Velvetmoss", "Wainscotter", "Watermint"),
    *("Whinberry", "Willowbrace", "Wrenfield", "Yarrowgate", "Yewdale-Finch"),
)
STREETS: Final = (
    *(
        "Tinker's Reach",
        "Lower Saltings",
        "Quarry Ope",
        "Furzy Lane",
        "Old Ropewalk",
        "Chapel Steps",
        "Mill Leat",
    ),
    *("Harbour Rise", "Withy Close", "Pound Corner", "Abbot's Drove", "Spinners Yard", "Cuckoo Hatch"),
)
WORKERS: Final = (
    *(
        "Ines Harrowby",
        "Callum Reeve",
        "Odile Marsh",
        "Piran Voss",
        "Maud Ferrier",
        "Tomas Quick",
        "Ruth Ayling",
    ),
    *("Dev Larcombe", "Sian Petherick", "Abel Stroud", "Nuala Crane", "Hugo Trask"),
)
