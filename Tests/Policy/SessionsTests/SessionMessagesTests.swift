import Sessions
import Settings
import Testing

@Suite struct SessionMessagesTests {
    private let two = SessionSettings.Limit(devices: 2, policy: .blockNew)

    private func preference(_ header: String?) -> LanguagePreference {
        LanguagePreference(acceptLanguage: header)
    }

    private func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

    @Test(arguments: [
        (SessionSettings.Policy.blockNew, 1), (.blockNew, 2), (.ejectOld, 12),
    ])
    func `the rejection is the object the front ends know`(
        policy: SessionSettings.Policy, max: Int
    ) {
        let object = SessionMessages().connectionRejected(
            limit: SessionSettings.Limit(devices: max, policy: policy), store: "17", device: nil,
            for: preference(nil))
        let expected = """
            {"type":"connection_rejected",\
            "message":"접속 가능한 대수(\(max)대)를 초과하여 접속할 수 없습니다",\
            "max":\(max),"policy":"\(policy.rawValue)","store":"17"}
            """
        #expect(text(object) == expected)
    }

    @Test(
        arguments: [
            nil, "fr", "*", "ko", "en", "en-GB", "fr, en;q=0.2", "en;q=0.5, ko;q=0.6",
            "en, *;q=0.9", "fr, *;q=0.9, en;q=0.8", "ko;q=0, en;q=0.1", ";", "de, ja",
        ] as [String?])
    func `who hears built-in texts only hears the same by what is shared`(header: String?) {
        let shared = SessionMessages.builtInPreference(preference(header))
        let messages = SessionMessages()
        for cause in DisconnectCause.allCases {
            let own = messages.disconnection(cause, .init(), for: preference(header))
            #expect(messages.disconnection(cause, .init(), for: shared) == own)
            #expect(!own.isEmpty)
        }
    }

    @Test func `the disconnection is the object the front ends know`() {
        let object = SessionMessages().forceDisconnect(
            .ejectOld, .init(limit: two, store: "17"), for: preference("ko-KR"))
        let expected = """
            {"type":"force_disconnect","reason":"eject_old",\
            "message":"새로운 기기가 접속하여 연결이 종료되었습니다."}
            """
        #expect(text(object) == expected)
    }

    @Test func `an operator's own words, and when to come back, are in the object`() {
        let object = SessionMessages().forceDisconnect(
            .kicked, .init(store: "17"), message: "점검 중입니다", retry: .milliseconds(2500),
            for: preference("en"))
        let expected =
            #"{"type":"force_disconnect","reason":"kicked","message":"점검 중입니다","retry":2500}"#
        #expect(text(object) == expected)
    }

    @Test(
        arguments: [
            (nil, "ko"), ("fr", "ko"), ("*", "ko"), ("ko", "ko"), ("en", "en"), ("en-GB", "en"),
            ("fr, en;q=0.2", "en"), ("en;q=0.5, ko;q=0.6", "ko"), ("en, *;q=0.9", "en"),
            ("fr, *;q=0.9, en;q=0.8", "ko"),
        ] as [(String?, String)])
    func `the language is the client's, Korean when there is no text in it`(
        header: String?, language: String
    ) {
        let message = SessionMessages().rejection(.init(limit: two), for: preference(header))
        #expect(message.contains("대수(2대)") == (language == "ko"))
        #expect(message.contains("2 devices") == (language == "en"))
    }

    @Test(arguments: DisconnectCause.allCases)
    func `every cause has a text in both languages`(cause: DisconnectCause) {
        let messages = SessionMessages()
        let korean = messages.disconnection(cause, .init(), for: preference("ko"))
        let english = messages.disconnection(cause, .init(), for: preference("en"))
        #expect(!korean.isEmpty)
        #expect(!english.isEmpty)
        #expect(korean != english)
    }

    @Test func `a block's own texts go before the built-in ones, by occasion and language`() {
        let messages = SessionMessages([
            .init(occasion: .blockNew, language: "ko", text: "꽉 찼습니다"),
            .init(occasion: .ejectOld, language: "ja", text: "さようなら"),
        ])
        let cases: [(String, String, String)] = [
            ("ko", messages.rejection(.init(limit: two), for: preference("ko")), "꽉 찼습니다"),
            ("ja", messages.rejection(.init(limit: two), for: preference("ja")), "꽉 찼습니다"),
            (
                "ja", messages.disconnection(.ejectOld, .init(), for: preference("ja, en")),
                "さようなら"
            ),
            (
                "ja, en", messages.disconnection(.replaced, .init(), for: preference("ja, en")),
                "This device connected again, so this connection was closed."
            ),
        ]
        for (header, message, expected) in cases { #expect(message == expected, "\(header)") }
    }

    @Test(arguments: [
        ("{max}/{store}/{policy}/{device}", "2/17/block_new/A"),
        ("{max}{max}", "22"),
        ("{{max}}", "{max}"),
        ("{{{max}}}", "{2}"),
        ("{other} {max", "{other} {max"),
        ("} {} {", "} {} {"),
        ("{max {max}", "{max 2"),
        ("", ""),
    ])
    func `placeholders are filled in, other braces stay`(
        template: String, expected: String
    ) throws {
        let messages = SessionMessages([
            .init(occasion: .blockNew, language: "ko", text: template)
        ])
        let values = SessionMessages.Values(
            limit: two, store: "17", device: "A")
        #expect(messages.rejection(values, for: preference(nil)) == expected)
    }

    @Test func `a value that looks like a placeholder is not filled in again`() {
        let messages = SessionMessages([
            .init(occasion: .blockNew, language: "ko", text: "{store}")
        ])
        let values = SessionMessages.Values(limit: two, store: "{max}")
        #expect(messages.rejection(values, for: preference(nil)) == "{max}")
    }

    @Test func `values that are not known are empty`() {
        let messages = SessionMessages([
            .init(occasion: .replaced, language: "ko", text: "[{max}{store}{policy}{device}]")
        ])
        #expect(messages.disconnection(.replaced, .init(), for: preference(nil)) == "[]")
    }

    @Test func `whatever a store is called, the object stays one line of JSON`() {
        let object = SessionMessages().connectionRejected(
            limit: two, store: "a\"b\\c\n\r\t\u{0}\u{1F}</script>\u{7F}한😀", device: nil,
            for: preference("en"))
        let store = #""store":"a\"b\\c\n\r\t\u0000\u001f</script>\u007f한😀"}"#
        #expect(text(object).hasSuffix(store))
        #expect(object.allSatisfy { $0 >= 0x20 })
    }
}
