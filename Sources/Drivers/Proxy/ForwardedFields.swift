internal import Bytes
internal import HTTP
internal import HTTP1
internal import Settings
internal import Transport

/// What the gateway tells an upstream of the request's way here: `X-Forwarded-For`, `-Proto` and
/// `-Host`, and `X-Request-Id`. What a trusted proxy in front says of the same is kept or
/// continued.
enum ForwardedFields {
    static func append(
        _ fields: Fields, _ context: RequestContext, _ client: ClientConnection,
        _ vouched: VouchedFields, to output: inout [UInt8]
    ) {
        if !vouched.isConfigured("x-forwarded-for") {
            output.append("X-Forwarded-For: ")
            if vouched.isTrusted {
                for line in fields.lines where line.known == .xForwardedFor {
                    output.append(contentsOf: fields.bytes[line.value])
                    output.append(", ")
                }
            }
            output.append(client.addressText)
            output.append("\r\n")
        }
        append(
            "X-Forwarded-Proto", .xForwardedProto, else: context.isTLS ? "https" : "http", fields,
            vouched, to: &output)
        append(
            "X-Forwarded-Host", .xForwardedHost, else: context.authority?.text, fields, vouched,
            to: &output)
        if !vouched.isConfigured("x-request-id") {
            HeadEncoder.appendField(name: "X-Request-Id", value: context.id, to: &output)
        }
    }

    /// The trusted proxy's word, else `own`, else nothing.
    private static func append(
        _ name: String, _ known: KnownField, else own: String?, _ fields: Fields,
        _ vouched: VouchedFields, to output: inout [UInt8]
    ) {
        if vouched.isConfigured(name) { return }
        if vouched.isTrusted, let range = fields.range(of: known) {
            output.append(name)
            output.append(": ")
            output.append(contentsOf: fields.bytes[range])
            output.append("\r\n")
        } else if let own {
            HeadEncoder.appendField(name: name, value: own, to: &output)
        }
    }
}
