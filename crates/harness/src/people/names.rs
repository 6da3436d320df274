//! Realistic names, each with the Latin letters that the person would use in a login name.

/// The name of one person.
pub(super) struct SampleName {
    /// The given name, in its own script.
    pub(super) given: &'static str,
    /// The family name, in its own script; empty for people who have one name only.
    pub(super) surname: &'static str,
    /// Both names in Latin letters, as the person writes them in a login name.
    pub(super) login: &'static str,
    /// `true` if the family name comes first.
    pub(super) surname_first: bool,
}

const fn western_name(given: &'static str, surname: &'static str, login: &'static str) -> SampleName {
    SampleName { given, surname, login, surname_first: false }
}

const fn eastern_name(surname: &'static str, given: &'static str, login: &'static str) -> SampleName {
    SampleName { given, surname, login, surname_first: true }
}

/// Names that careless software handles incorrectly: every script, sign and length once.
pub(super) const RARE: &[SampleName] = &[
    western_name("Seán", "O’Brien", "sean.o'brien"),
    western_name("Siobhán", "O'Connor", "siobhan.o'connor"),
    western_name("D'Arcy", "N'Diaye", "d'arcy.n'diaye"),
    western_name("Anne-Marie", "Smith-Jones", "anne-marie.smith-jones"),
    western_name("Jean–Luc", "de la Vallée Poussin", "jean-luc.delavalleepoussin"),
    western_name("Ioannis", "Παπαδόπουλος", "ioannis.papadopoulos"),
    western_name("Ελένη", "Καραμανλή", "eleni.karamanli"),
    western_name("Наталья", "Щербакова", "natalya.shcherbakova"),
    western_name("Їванна", "Ґалаґан", "yivanna.galagan"),
    western_name("محمد", "عبد الرحمن", "mohammed.abdulrahman"),
    western_name("فاطمة", "الزهراء", "fatima.alzahra"),
    western_name("נועה", "בן-דוד", "noa.ben-david"),
    western_name("आरव", "श्रीवास्तव", "aarav.shrivastava"),
    western_name("ப்ரியா", "சுப்பிரமணியம்", "priya.subramaniam"),
    eastern_name("欧阳", "娜娜", "nana.ouyang"),
    eastern_name("王", "伟", "wei.wang"),
    eastern_name("佐々木", "希", "nozomi.sasaki"),
    eastern_name("渡邉", "𠮷郎", "yoshiro.watanabe"),
    eastern_name("김", "서연", "seoyeon.kim"),
    eastern_name("Nguyễn", "Thị Hồng Ánh", "anh.nguyen"),
    western_name("Işıl", "Kılıç", "isil.kilic"),
    western_name("İbrahim", "Yıldırım", "ibrahim.yildirim"),
    western_name("Björk", "Þórðardóttir", "bjork.thordardottir"),
    western_name("Łucja", "Żółkiewska", "lucja.zolkiewska"),
    western_name("Đorđe", "Šuković", "djordje.sukovic"),
    western_name("Zoe\u{308}", "Mu\u{308}ller", "zoe.mueller"), // decomposed accents: not the same bytes as “Zoë Müller”
    western_name("Suharto", "", "suharto"),
    western_name("สมชาย", "ใจดี", "somchai.jaidee"),
    western_name("გიორგი", "ბერიძე", "giorgi.beridze"),
    western_name("Արամ", "Խաչատրյան", "aram.khachatryan"),
    western_name("አበበ", "በቀለ", "abebe.bekele"),
    western_name("Nicolò", "d’Aragona e Sanseverino", "nicolo.daragona"),
    western_name(
        "Adolph Blaine Charles David Earl Frederick Gerald Hubert Irvin John Kenneth Lloyd Martin",
        "Wolfeschlegelsteinhausenbergerdorff Ahrenberg-Schönhausen von und zu Hohenlohe-Waldenburg",
        "adolph.wolfeschlegelsteinhausenbergerdorff",
    ),
    western_name("Null", "True", "null.true"),
    western_name("Ana \"Anita\"", "Peña & Söhne", "ana.pena"),
    western_name("Jo\\hn", "Back<slash>", "john.backslash"),
];

const GIVEN: &[(&str, &str)] = &[
    ("Ada", "ada"),
    ("José", "jose"),
    ("Chloé", "chloe"),
    ("Jürgen", "juergen"),
    ("Søren", "soren"),
    ("Åsa", "asa"),
    ("François", "francois"),
    ("Ágnes", "agnes"),
    ("Tomáš", "tomas"),
    ("Małgorzata", "malgorzata"),
    ("Iñaki", "inaki"),
    ("Grace", "grace"),
    ("Oluwaseun", "oluwaseun"),
    ("Thandiwe", "thandiwe"),
    ("Priya", "priya"),
    ("Miguel", "miguel"),
    ("João", "joao"),
    ("Ștefan", "stefan"),
    ("Kateřina", "katerina"),
    ("Liam", "liam"),
    ("Emre", "emre"),
    ("Aoife", "aoife"),
    ("Hélène", "helene"),
    ("Noor", "noor"),
];

const SURNAME: &[(&str, &str)] = &[
    ("Lovelace", "lovelace"),
    ("García Márquez", "garciamarquez"),
    ("Groß", "gross"),
    ("Ångström", "angstrom"),
    ("Dvořák", "dvorak"),
    ("Kowalczyk", "kowalczyk"),
    ("Ó Súilleabháin", "osuilleabhain"),
    ("Adeyemi", "adeyemi"),
    ("Nkosi-Dlamini", "nkosi-dlamini"),
    ("Venkataraman", "venkataraman"),
    ("Çelik", "celik"),
    ("Popescu", "popescu"),
    ("Lindqvist", "lindqvist"),
    ("van den Berg", "vandenberg"),
    ("Fernández", "fernandez"),
    ("D’Angelo", "d'angelo"),
    ("Hopper", "hopper"),
    ("Szabó", "szabo"),
    ("Kjærgaard", "kjaergaard"),
    ("Gonçalves", "goncalves"),
    ("McAllister", "mcallister"),
    ("Haddad", "haddad"),
];

const EASTERN: &[(&str, &str, &str)] = &[
    ("李", "小龙", "xiaolong.li"),
    ("陳", "美玲", "meiling.chen"),
    ("田中", "陽菜", "hina.tanaka"),
    ("高橋", "健太", "kenta.takahashi"),
    ("박", "지훈", "jihoon.park"),
    ("이", "하은", "haeun.lee"),
    ("Trần", "Văn Đức", "duc.tran"),
    ("Lê", "Thị Mỹ Duyên", "duyen.le"),
];

const OTHER_SCRIPTS: &[(&str, &str, &str)] = &[
    ("Александр", "Кузнецов", "alexander.kuznetsov"),
    ("Олена", "Шевченко", "olena.shevchenko"),
    ("Νίκος", "Αντωνίου", "nikos.antoniou"),
    ("خالد", "المنصوري", "khalid.almansoori"),
    ("ליאור", "כהן", "lior.cohen"),
    ("दीपिका", "अग्रवाल", "deepika.agarwal"),
    ("অনন্যা", "চট্টোপাধ্যায়", "ananya.chattopadhyay"),
    ("Марија", "Петровић", "marija.petrovic"),
];

/// Returns a name for two random numbers: about two in three are Latin with accents, the rest in other scripts.
pub(super) fn common_name(pick: usize, other: usize) -> (String, String, String, bool) {
    match pick % 6 {
        0 => {
            let (surname, given, login) = EASTERN[other % EASTERN.len()];
            (given.to_owned(), surname.to_owned(), login.to_owned(), true)
        }
        1 => {
            let (given, surname, login) = OTHER_SCRIPTS[other % OTHER_SCRIPTS.len()];
            (given.to_owned(), surname.to_owned(), login.to_owned(), false)
        }
        _ => {
            let (given, given_login) = GIVEN[pick % GIVEN.len()];
            let (surname, surname_login) = SURNAME[other % SURNAME.len()];
            (given.to_owned(), surname.to_owned(), format!("{given_login}.{surname_login}"), false)
        }
    }
}

/// Returns a surname that a person may take at marriage.
pub(super) fn new_surname(pick: usize) -> &'static str {
    SURNAME[pick % SURNAME.len()].0
}
