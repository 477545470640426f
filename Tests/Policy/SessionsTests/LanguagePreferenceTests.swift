import Sessions
import Testing

@Suite struct LanguagePreferenceTests {
    @Test(
        arguments: [
            (nil, []),
            ("", []),
            ("ko", ["ko"]),
            ("ko-KR", ["ko"]),
            ("KO-kr", ["ko"]),
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", ["ko", "en"]),
            ("en;q=0.5, ko", ["ko", "en"]),
            ("en;q=0.5,ko;q=0.501", ["ko", "en"]),
            ("en,ko", ["en", "ko"]),
            ("en;q=0,ko;q=0.1", ["ko"]),
            ("en;q=0.000", []),
            ("en;q=0.,ko;q=1.", ["ko"]),
            ("en ; Q=1.000 , ko\t;\tq=0.9", ["en", "ko"]),
            ("*", ["*"]),
            ("ja, *;q=0.1", ["ja", "*"]),
            ("zh-Hant-TW", ["zh"]),
            // Malformed elements fall out, the others stay.
            ("en;q=1.001,ko", ["ko"]),
            ("en;q=2,ko", ["ko"]),
            ("en;q=,ko", ["ko"]),
            ("en;q=0.1234,ko", ["ko"]),
            ("en;q=0.a,ko", ["ko"]),
            ("en;q=-1,ko", ["ko"]),
            ("en;level=1,ko", ["ko"]),
            ("en;q=1;q=1,ko", ["ko"]),
            ("1x,ko", ["ko"]),
            ("abcdefghi,ko", ["ko"]),
            ("한국어,ko", ["ko"]),
            (",, ;,-,ko", ["ko"]),
            ("*-KR,ko", ["ko"]),
        ] as [(String?, [String])])
    func `the header is read as RFC 9110 has it`(header: String?, languages: [String]) {
        #expect(LanguagePreference(acceptLanguage: header).languages == languages)
    }

    @Test func `only the first few languages are kept`() {
        let letters = "abcdefghijklmnopqrstuvwxyz".map { "x\($0)" }
        let preference = LanguagePreference(acceptLanguage: letters.joined(separator: ","))
        #expect(preference.languages == Array(letters.prefix(LanguagePreference.most)))
    }
}
