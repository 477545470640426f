import Clock
import JSON
package import Settings

/// What people are told when a session is refused or ended, in their language, and the JSON objects
/// that carry it to the front end.
///
/// A text is looked for in the order of the client's languages, for each among the block's own
/// messages and then among the built-in ones; without a match it is Korean.
package struct SessionMessages: Sendable {
    /// Spoken where the client named no language that there is a text in.
    package static let defaultLanguage = "ko"

    /// What may stand in a text as `{max} {store} {policy} {device}`; nil becomes empty.
    package struct Values: Sendable {
        package var limit: SessionSettings.Limit?
        package var store: String?
        /// The ClientId of the device.
        package var device: String?

        package init(
            limit: SessionSettings.Limit? = nil, store: String? = nil, device: String? = nil
        ) {
            self.limit = limit
            self.store = store
            self.device = device
        }
    }

    private let templates: [String: [String: Template]]

    /// The built-in texts, overridden by those of a `sessions` block.
    package init(_ messages: [SessionSettings.Message] = []) {
        var templates = Self.builtIn
        for message in messages {
            templates[message.occasion.rawValue, default: [:]][message.language] =
                Template(message: message.text)
        }
        self.templates = templates
    }

    /// A preference that chooses as `preference` does among the built-in texts. All clients who get
    /// the same language share it, so that an idle connection keeps none of its own.
    package static func builtInPreference(_ preference: LanguagePreference) -> LanguagePreference {
        builtInPreferences[preference.best(of: builtInLanguages)] ?? preference
    }

    private static let builtInLanguages = [defaultLanguage, "en"]
    private static let builtInPreferences = Dictionary(
        uniqueKeysWithValues: builtInLanguages.map {
            ($0, LanguagePreference(acceptLanguage: $0))
        })

    /// Why a newcomer stays out.
    package func rejection(_ values: Values, for preference: LanguagePreference) -> String {
        text(Self.blockNew, values, preference)
    }

    /// Why a live session ends.
    package func disconnection(
        _ cause: DisconnectCause, _ values: Values, for preference: LanguagePreference
    ) -> String {
        text(cause.rawValue, values, preference)
    }

    /// `{"type":"connection_rejected","message":…,"max":2,"policy":"block_new","store":"17"}`:
    /// a WebSocket text message, or the data of an SSE event; never holds a line break.
    package func connectionRejected(
        limit: SessionSettings.Limit, store: String, device: String?,
        for preference: LanguagePreference
    ) -> [UInt8] {
        let values = Values(limit: limit, store: store, device: device)
        var text: [UInt8] = []
        text.beginJSONObject()
        text.appendMember("type", "connection_rejected")
        text.appendMember("message", rejection(values, for: preference))
        text.appendMember("max", limit.devices)
        text.appendMember("policy", limit.policy.rawValue)
        text.appendMember("store", store)
        text.endJSONObject()
        return text
    }

    /// `{"type":"force_disconnect","reason":"eject_old","message":…}`, as `connectionRejected`;
    /// with `"retry":MILLISECONDS` where the client shall come back after that time.
    ///
    /// - Parameter message: what an operator says instead of the usual text.
    package func forceDisconnect(
        _ cause: DisconnectCause, _ values: Values, message: String? = nil,
        retry: Duration? = nil, for preference: LanguagePreference
    ) -> [UInt8] {
        var text: [UInt8] = []
        text.beginJSONObject()
        text.appendMember("type", "force_disconnect")
        text.appendMember("reason", cause.rawValue)
        text.appendMember("message", message ?? disconnection(cause, values, for: preference))
        if let retry { text.appendMember("retry", Int(retry.wholeMilliseconds)) }
        text.endJSONObject()
        return text
    }

    private func text(
        _ occasion: String, _ values: Values, _ preference: LanguagePreference
    ) -> String {
        let texts = templates[occasion] ?? [:]
        let wanted = preference.languages.lazy.map { $0 == "*" ? Self.defaultLanguage : $0 }
        let language = wanted.first { texts[$0] != nil } ?? Self.defaultLanguage
        return texts[language]?.expanded { name in
            switch name {
            case "max": values.limit.map { String($0.devices) }
            case "policy": values.limit?.policy.rawValue
            case "store": values.store
            case "device": values.device
            default: nil
            }
        } ?? ""
    }

    private static let blockNew = SessionSettings.Message.Occasion.blockNew.rawValue

    /// By occasion, by language.
    private static let builtIn: [String: [String: Template]] = [
        blockNew: [
            "ko": Template(message: "접속 가능한 대수({max}대)를 초과하여 접속할 수 없습니다"),
            "en": Template(
                message: "No more than {max} devices may be connected. Disconnect another first."),
        ],
        DisconnectCause.ejectOld.rawValue: [
            "ko": Template(message: "새로운 기기가 접속하여 연결이 종료되었습니다."),
            "en": Template(message: "A new device connected, so this connection was closed."),
        ],
        DisconnectCause.replaced.rawValue: [
            "ko": Template(message: "같은 기기에서 다시 접속하여 이전 연결이 종료되었습니다."),
            "en": Template(message: "This device connected again, so this connection was closed."),
        ],
        DisconnectCause.kicked.rawValue: [
            "ko": Template(message: "관리자가 연결을 종료하였습니다."),
            "en": Template(message: "An administrator closed this connection."),
        ],
        DisconnectCause.silent.rawValue: [
            "ko": Template(message: "응답이 없어 연결이 종료되었습니다."),
            "en": Template(message: "This connection did not answer, so it was closed."),
        ],
        DisconnectCause.tokenExpired.rawValue: [
            "ko": Template(message: "인증이 만료되어 연결이 종료되었습니다."),
            "en": Template(message: "Your sign-in has expired, so this connection was closed."),
        ],
        DisconnectCause.tokenRevoked.rawValue: [
            "ko": Template(message: "인증이 취소되어 연결이 종료되었습니다."),
            "en": Template(message: "Your sign-in was revoked, so this connection was closed."),
        ],
        DisconnectCause.forbidden.rawValue: [
            "ko": Template(message: "접근 권한이 없어 연결이 종료되었습니다."),
            "en": Template(
                message: "You are not allowed here any more, so this connection was closed."),
        ],
        DisconnectCause.draining.rawValue: [
            "ko": Template(message: "서버를 점검하기 위해 연결이 종료되었습니다. 잠시 후 다시 접속해 주세요."),
            "en": Template(message: "The server is going down. Please connect again in a moment."),
        ],
    ]
}

extension Template {
    static let messagePlaceholders: Set = ["max", "store", "policy", "device"]

    /// A message for people as the configuration writes it. `{{` and `}}` are braces; braces around
    /// anything but a placeholder of messages stay as they were written.
    init(message: String) {
        var parts: [Part] = []
        var text = ""
        var rest = message[...]
        while let character = rest.popFirst() {
            if character == "{" || character == "}", rest.first == character {
                text.append(character)
                rest.removeFirst()
            } else if character == "{", let end = rest.firstIndex(of: "}"),
                Self.messagePlaceholders.contains(String(rest[..<end]))
            {
                parts += [.text(text), .placeholder(String(rest[..<end]))]
                text = ""
                rest = rest[rest.index(after: end)...]
            } else {
                text.append(character)
            }
        }
        self.init(parts: parts + [.text(text)])
    }
}
