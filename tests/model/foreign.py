"""Invented headlines in languages that the starter bundle does not judge, by language."""

HEADLINES: dict[str, tuple[str, ...]] = {
    "de": (
        "Nordhafen Bank streicht 400 Stellen nach Verlust im dritten Quartal",
        "Kalbrück AG hebt Jahresprognose an, Aktie steigt deutlich",
        "Aufsicht prüft Bilanz der Lindau Versicherung",
        "Maschinenbauer Torwald meldet Auftragsplus von zwölf Prozent",
        "Zinsen bleiben vorerst unverändert, sagt die Notenbank",
        "Chef von Weidental Energie tritt zurück",
    ),
    "fr": (
        "La banque Valmeret supprime 300 postes après une perte trimestrielle",
        "Orlys Télécom relève ses prévisions pour l'année",
        "Le régulateur ouvre une enquête sur les comptes de Montbrac",
        "Le pétrole recule après les annonces des producteurs",
        "Le directeur général de Cléry Aéronautique démissionne",
        "Les actions de Sorvanne chutent de dix pour cent à Paris",
    ),
    "es": (
        "El banco Miraltena recortará empleos tras las pérdidas del trimestre",
        "Las acciones de Corvalia suben un 8 % tras sus resultados",
        "El regulador investiga las cuentas de Puertomar Energía",
        "La inflación de octubre sorprende a los mercados",
        "Telvora anuncia la compra de su rival por 900 millones",
        "Dimite el consejero delegado de Aceros Landívar",
    ),
    "it": (
        "La banca Montefiora taglia 200 posti di lavoro dopo le perdite",
        "Utile in crescita per Officine Garlasco nel terzo trimestre",
        "La Consob apre un'indagine sui conti di Terralba Energia",
        "Il petrolio scende dopo l'annuncio dei produttori",
    ),
    "pt": (
        "Banco Serralva corta empregos após prejuízo no trimestre",
        "Ações da Minervale sobem depois do balanço",
        "Inflação de outubro fica acima do esperado pelos analistas",
        "Regulador investiga as contas da Energia Tabuão",
    ),
    "nl": (
        "Bank Oosterveld schrapt banen na verlies in derde kwartaal",
        "Winst van chipmaker Veldkamp stijgt met twintig procent",
        "Toezichthouder onderzoekt de boeken van verzekeraar Haarsma",
    ),
    "pl": (
        "Bank Wiślany zwalnia 500 osób po stracie w trzecim kwartale",
        "Kurs akcji spółki Torgal spada po publikacji wyników",
    ),
    "sv": (
        "Banken Norrsund varslar 300 anställda efter förlusten",
        "Vinsten förÅlkraft ökar mer än väntat under kvartalet",
    ),
    "tr": (
        "Karsu Bankası üçüncü çeyrekte zarar açıkladı, hisseler düştü",
        "Merkez bankası faiz oranlarını değiştirmedi",
    ),
    "ru": (
        "Банк «Северная Гавань» сократит сотрудников после убытков",
        "Акции компании «Волгомет» выросли на восемь процентов",
        "Нефть дешевеет после заявлений производителей",
    ),
    "ar": ("بنك الواحة الشمالية يعلن خسائر في الربع الثالث", "أسعار النفط تتراجع بعد قرار المنتجين"),
    "zh": (
        "海陵银行第三季度亏损扩大,计划裁员四百人",
        "监管机构对南岭能源展开调查",
        "云泽科技上调全年业绩预期,股价大涨",
        "央行维持利率不变",
    ),
    "ja": (
        "北浜銀行、第3四半期は赤字拡大で400人削減へ",
        "青嶺自動車が通期予想を上方修正、株価は急伸",
        "日銀は金利を据え置き",
    ),
    "ko": ("한빛나루은행 3분기 손실 확대로 감원 계획", "유가 하락에 정유주 약세"),
}
