import Bytes
import HTTP
import Identity
import Routing
import Settings

/// What the configuration says with placeholders, with the values of a request in them.
struct ConfiguredTexts {
    let known: KnownRequest

    // MARK: Fields

    func fields(
        _ own: [HeaderRule], _ captures: [String: String], besides rewrite: [HeaderRule],
        _ target: NormalisedTarget
    ) -> [ConfiguredField] {
        var fields = own.map { field($0, captures, target) }
        for rule in rewrite where !own.contains(where: { $0.name.utf8.span.readsAs(rule.name) }) {
            fields.append(field(rule, known.rewriteCaptures, target))
        }
        return fields
    }

    private func field(
        _ rule: HeaderRule, _ captures: [String: String], _ target: NormalisedTarget
    ) -> ConfiguredField {
        switch rule.action {
        case .set(let template):
            ConfiguredField(name: rule.name, .text(expand(template, captures, target)))
        case .credentials(let secret): ConfiguredField(name: rule.name, .credentials(secret))
        case .remove: ConfiguredField(name: rule.name, .none)
        }
    }

    /// - Parameter target: what `request.target` stands for.
    private func expand(
        _ template: Template, _ captures: [String: String], _ target: NormalisedTarget
    ) -> String {
        template.expanded { name in
            switch Placeholder(rawValue: name) {
            case nil: captures[name]
            case .authUser?: known.found.identity?.encodedUser
            case .authRole?: known.found.identity?.encodedRole
            case let placeholder?: text(of: placeholder, target)
            }
        }
    }

    // MARK: Locations

    /// - Parameter keepsTokens: in a target that does not leave the origin.
    /// - Returns: nil when what the client said fits no such location.
    func location(_ template: Template, keepsTokens: Bool) -> String? {
        let settings = known.route?.settings
        return Location.expand(
            template, from: known.request.authority, isTLS: known.request.isSecure
        ) { name, leavesOrigin in
            guard let placeholder = Placeholder(rawValue: name) else {
                let text = known.routeCaptures[name] ?? ""
                return name == settings?.path.rest ? .segments(text) : .text(text)
            }
            let isBare = (leavesOrigin || !keepsTokens) && known.target.query != nil
            var target =
                settings?.paths.spelling == .keep ? known.target.asSent : known.target
            if isBare { target = target.removing(known.rules.tokenParameters, from: known.query) }
            switch placeholder {
            case .requestHost: return .authority(known.request.authority)
            case .requestPath: return .path(target.path)
            case .requestTarget: return .target(target)
            case .requestScheme: return .scheme(text(of: placeholder, target))
            case .clientAddress, .requestID, .requestMethod, .authUser, .authRole:
                return .text(text(of: placeholder, target))
            }
        }
    }

    private func text(of placeholder: Placeholder, _ target: NormalisedTarget) -> String {
        switch placeholder {
        case .clientAddress: known.request.addressText
        case .requestID: known.request.id
        case .requestMethod: known.request.head.method.name
        case .requestScheme: known.request.scheme
        case .requestHost: known.request.authority?.text ?? ""
        case .requestPath: target.path
        case .requestTarget: target.text
        case .authUser: known.found.identity?.user ?? ""
        case .authRole: known.found.identity?.roleElement ?? ""
        }
    }
}
