//! One Kafka for all tests here: listeners with each kind of security, users, and rights.

use crate::certificates::Identity;
use crate::support::PATIENCE;
use crate::support::kafka::{Kafka, Names};
use rdkafka::admin::AdminClient;
use rdkafka::bindings as native;
use rdkafka::client::DefaultClientContext;
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::OnceLock;

/// Parts of every secret, so that one search finds them all.
pub const SECRET: &str = "hush-hush";
pub const KEY_PASSWORD: &str = "hush-hush-key";

/// What every user's password is made of.
pub fn password(user: &str) -> String {
    format!("{SECRET}-{user}")
}

/// Users of SASL PLAIN; those of SCRAM are made by the tests.
const USERS: &[&str] = &[
    "scorer",
    "no-read",
    "no-write",
    "no-dead-letter",
    "no-group",
    "seen-no-read",
    "seen-no-write",
    "seen-no-group",
    "loses-read",
    "loses-write",
    "loses-group",
    "loses-group-exactly",
    "loses-write-exactly",
    "no-transactions",
];

pub struct Cluster {
    pub kafka: Kafka,
}

/// What may be done, with what.
#[derive(Debug, Clone, Copy)]
pub enum Right {
    Read,
    Write,
    /// To see that it is there.
    Describe,
}

#[derive(Debug, Clone, Copy)]
pub enum On<'n> {
    Topic(&'n str),
    Group(&'n str),
    /// All that begin so.
    TransactionalIds(&'n str),
}

impl Cluster {
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let authority = Identity::authority("test authority");
            let options = options(&authority);
            let kafka = Kafka::start(&options.iter().map(String::as_str).collect::<Vec<_>>());
            let cluster = Cluster { kafka };
            cluster.write_files(&authority);
            cluster
        })
    }

    /// What clients need.
    fn write_files(&self, authority: &Identity) {
        let write = |name: &str, pem: Vec<u8>| std::fs::write(self.file(name), pem).unwrap();
        let foreign = Identity::authority("foreign authority");
        write("authority.pem", authority.certificate());
        write("foreign.pem", foreign.certificate());
        for (name, signer) in [("client", authority), ("stranger", &foreign)] {
            let client = signer.issue(name, None);
            write(&format!("{name}.pem"), client.certificate());
            write(&format!("{name}-key.pem"), client.encrypted_key(KEY_PASSWORD));
        }
    }

    pub fn file(&self, name: &str) -> String {
        self.kafka.dir.join(name).display().to_string()
    }

    /// Settings for the listener of that name, whose broker is known by the tests' authority.
    pub fn settings(&self, listener: &str) -> Vec<String> {
        let protocol = if listener == "SASL" { "SASL_SSL" } else { "SSL" };
        vec![
            format!("kafka.bootstrap_servers={}", self.kafka.listeners[listener]),
            format!("kafka.common.security.protocol={protocol}"),
            format!("kafka.common.ssl.ca.location={}", self.file("authority.pem")),
        ]
    }

    /// Settings for a user with a password.
    pub fn sasl(&self, mechanism: &str, user: &str) -> Vec<String> {
        let mut settings = self.settings("SASL");
        settings.extend([
            format!("kafka.common.sasl.mechanism={mechanism}"),
            format!("kafka.common.sasl.username={user}"),
            format!("kafka.common.sasl.password={}", password(user)),
        ]);
        settings
    }

    /// Settings for a client with a certificate.
    pub fn mutual(&self, certificate: &str) -> Vec<String> {
        let mut settings = self.settings("MUTUAL");
        settings.extend([
            format!(
                "kafka.common.ssl.certificate.location={}",
                self.file(&format!("{certificate}.pem"))
            ),
            format!(
                "kafka.common.ssl.key.location={}",
                self.file(&format!("{certificate}-key.pem"))
            ),
            format!("kafka.common.ssl.key.password={KEY_PASSWORD}"),
        ]);
        settings
    }

    /// Makes the topics of a test, and gives a user all rights that the service needs.
    pub fn prepare(&self, names: &Names, user: &str) {
        self.prepare_except(names, user, None);
    }

    /// The same but for the right on one of them.
    pub fn prepare_except(&self, names: &Names, user: &str, without: Option<&str>) {
        for topic in [&names.input, &names.output, &names.dead_letter] {
            self.kafka.create_topic(topic, 2, &[]);
        }
        for (on, right) in [
            (On::Topic(&names.input), Right::Read),
            (On::Topic(&names.output), Right::Write),
            (On::Topic(&names.dead_letter), Right::Write),
            (On::Group(&names.group), Right::Read),
        ] {
            let (On::Topic(name) | On::Group(name) | On::TransactionalIds(name)) = on;
            if without != Some(name) {
                self.rule(user, right, on, true);
            }
        }
    }

    /// Allows or denies; what is denied stays so.
    #[allow(unsafe_code)]
    pub fn rule(&self, user: &str, right: Right, on: On<'_>, allow: bool) {
        use native::{rd_kafka_ResourcePatternType_t as pattern, rd_kafka_ResourceType_t as kind};
        let (kind, pattern, name) = match on {
            On::Topic(name) => (
                kind::RD_KAFKA_RESOURCE_TOPIC,
                pattern::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                name,
            ),
            On::Group(name) => (
                kind::RD_KAFKA_RESOURCE_GROUP,
                pattern::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                name,
            ),
            On::TransactionalIds(prefix) => (
                kind::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
                pattern::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
                prefix,
            ),
        };
        let operation = match right {
            Right::Read => native::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ,
            Right::Write => native::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_WRITE,
            Right::Describe => native::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_DESCRIBE,
        };
        let permission = if allow {
            native::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW
        } else {
            native::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_DENY
        };
        let (name, principal) = (
            CString::new(name).unwrap(),
            CString::new(format!("User:{user}")).unwrap(),
        );
        self.ask(
            |client, queue| {
                // SAFETY: the strings outlive the calls, which copy them, as does the request with the rule.
                unsafe {
                    let mut rule = native::rd_kafka_AclBinding_new(
                        kind,
                        name.as_ptr(),
                        pattern,
                        principal.as_ptr(),
                        c"*".as_ptr(),
                        operation,
                        permission,
                        ptr::null_mut(),
                        0,
                    );
                    assert!(!rule.is_null(), "a rule that librdkafka does not take");
                    native::rd_kafka_CreateAcls(client, &mut rule, 1, ptr::null(), queue);
                    native::rd_kafka_AclBinding_destroy(rule);
                }
            },
            |event| {
                let mut count = 0;
                // SAFETY: the event is alive, and is the answer to the request.
                unsafe {
                    let results = native::rd_kafka_CreateAcls_result_acls(
                        native::rd_kafka_event_CreateAcls_result(event),
                        &mut count,
                    );
                    assert_eq!(count, 1);
                    native::rd_kafka_acl_result_error(*results)
                }
            },
        );
    }

    /// Makes a SCRAM user, or gives it another password.
    #[allow(unsafe_code)]
    pub fn set_scram(&self, mechanism: &str, user: &str, password: &str) {
        let mechanism = match mechanism {
            "SCRAM-SHA-256" => native::rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_256,
            _ => native::rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_512,
        };
        let user = CString::new(user).unwrap();
        self.ask(
            |client, queue| {
                // SAFETY: the strings outlive the calls, which copy them, as does the request with the change.
                unsafe {
                    let mut change = native::rd_kafka_UserScramCredentialUpsertion_new(
                        user.as_ptr(),
                        mechanism,
                        4096,
                        password.as_ptr(),
                        password.len(),
                        ptr::null(),
                        0,
                    );
                    native::rd_kafka_AlterUserScramCredentials(client, &mut change, 1, ptr::null(), queue);
                    native::rd_kafka_UserScramCredentialAlteration_destroy(change);
                }
            },
            |event| {
                let mut count = 0;
                // SAFETY: the event is alive, and is the answer to the request.
                unsafe {
                    let result = native::rd_kafka_event_AlterUserScramCredentials_result(event);
                    let responses = native::rd_kafka_AlterUserScramCredentials_result_responses(result, &mut count);
                    assert_eq!(count, 1);
                    native::rd_kafka_AlterUserScramCredentials_result_response_error(*responses)
                }
            },
        );
    }

    /// An administrative request that the crate has no call for, and the error in its answer.
    #[allow(unsafe_code)]
    fn ask(
        &self,
        request: impl FnOnce(*mut native::rd_kafka_t, *mut native::rd_kafka_queue_t),
        error: impl FnOnce(*mut native::rd_kafka_event_t) -> *const native::rd_kafka_error_t,
    ) {
        let admin: AdminClient<DefaultClientContext> = self.kafka.client().create().expect("an admin client");
        let client = admin.inner().native_ptr();
        // SAFETY: queue and event are made and destroyed here; the client outlives them.
        unsafe {
            let queue = native::rd_kafka_queue_new(client);
            request(client, queue);
            let event = native::rd_kafka_queue_poll(queue, i32::try_from(PATIENCE.as_millis()).unwrap());
            assert!(!event.is_null(), "the broker does not answer");
            let failed = native::rd_kafka_event_error_string(event);
            assert!(
                native::rd_kafka_event_error(event) as i32 == 0,
                "{:?}",
                CStr::from_ptr(failed)
            );
            // Where all is well it may be null or not.
            let code = native::rd_kafka_error_code(error(event));
            assert!(code as i32 == 0, "{code:?}");
            native::rd_kafka_event_destroy(event);
            native::rd_kafka_queue_destroy(queue);
        }
    }
}

/// For `scripts/kafka start`: listeners, their certificates, users.
fn options(authority: &Identity) -> Vec<String> {
    const HERE: &str = "127.0.0.1";
    let escaped = |pem: Vec<u8>| String::from_utf8(pem).unwrap().trim_end().replace('\n', "\\n");
    let keystore = |prefix: &str, identity: Identity| {
        [
            format!("{prefix}ssl.keystore.key={}", escaped(identity.key())),
            format!(
                "{prefix}ssl.keystore.certificate.chain={}",
                escaped(identity.certificate())
            ),
        ]
    };
    let users: String = USERS
        .iter()
        .map(|user| format!(" user_{user}=\"{}\"", password(user)))
        .collect();
    let module = |mechanism: &str, class: &str, users: &str| {
        let prefix = format!("listener.name.sasl.{mechanism}.sasl.jaas.config=org.apache.kafka.common.security");
        format!("{prefix}.{class} required{users};")
    };
    let mut settings = vec![
        "ssl.keystore.type=PEM".to_owned(),
        "ssl.truststore.type=PEM".to_owned(),
        format!("ssl.truststore.certificates={}", escaped(authority.certificate())),
        "listener.name.mutual.ssl.client.auth=required".to_owned(),
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512".to_owned(),
        module("plain", "plain.PlainLoginModule", &users),
        module("scram-sha-256", "scram.ScramLoginModule", ""),
        module("scram-sha-512", "scram.ScramLoginModule", ""),
        // So that a password that was changed is asked for soon.
        "listener.name.sasl.scram-sha-512.connections.max.reauth.ms=4000".to_owned(),
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned(),
        // The broker itself, and the tests where they look from outside.
        "super.users=User:ANONYMOUS".to_owned(),
    ];
    settings.extend(keystore("", authority.issue("broker", Some(HERE))));
    settings.extend(keystore(
        "listener.name.expired.",
        authority.issue_expired("broker", HERE),
    ));
    settings.extend(keystore(
        "listener.name.misnamed.",
        authority.issue("broker", Some("kafka.example")),
    ));
    let listeners = ["TLS:SSL", "MUTUAL:SSL", "SASL:SASL_SSL", "EXPIRED:SSL", "MISNAMED:SSL"];
    let listeners = listeners
        .iter()
        .flat_map(|it| ["--listener".to_owned(), (*it).to_owned()]);
    listeners
        .chain(settings.into_iter().flat_map(|it| ["--set".to_owned(), it]))
        .collect()
}
