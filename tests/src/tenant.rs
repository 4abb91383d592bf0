//! The configuration of a host that sells skin care in a Youzan and a Tmall shop and talks in WeCom, all simulated.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::brand::CARD_PREFIX;
use crate::host::{self, TOKEN};
use crate::platforms::Platforms;
use crate::tmall::TmallSim;
use crate::wecom::WecomSim;
use crate::youzan::YouzanSim;

/// The names of the connections.
pub const WECOM: &str = "wecom";
pub const YOUZAN: &str = "youzan";
pub const TMALL: &str = "tmall";

/// The Tmall shop in the scope of its handles. WeCom's settings name it too: the cards are of its parcels.
pub const TMALL_SHOP: &str = "flagship";

/// What differs from test to test.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// `manual` or `system`.
    pub clock: &'static str,
    pub policies: Vec<Bound>,
    /// TOML: what the host is told of carrying, and of anything else.
    pub rules: String,
    /// Scenes of which WeCom's errands may be handed over again.
    pub carry_again: Vec<&'static str>,
    /// So may Youzan's points, which are booked once under each errand's id.
    pub points_again: bool,
}

#[derive(Clone, Debug)]
pub struct Bound {
    pub name: String,
    pub plugin: String,
    /// TOML, without a header.
    pub settings: String,
}

impl Default for Tenant {
    fn default() -> Self {
        let bound = |name: &str, settings: &str| Bound {
            name: name.to_owned(),
            plugin: name.to_owned(),
            settings: settings.to_owned(),
        };
        Tenant {
            clock: "manual",
            rules: String::new(),
            carry_again: Vec::new(),
            points_again: false,
            policies: vec![
                bound("behaviour-tags", include_str!("tenant/behaviour-tags.toml")),
                bound("repurchase", include_str!("tenant/repurchase.toml")),
                bound("recency", include_str!("tenant/recency.toml")),
            ],
        }
    }
}

impl Tenant {
    /// Writes `heliu.toml` and the secrets into a folder.
    pub fn write(&self, folder: &Path, on: &Platforms) -> anyhow::Result<PathBuf> {
        let Platforms { wecom, youzan, tmall, clock: _ } = on;
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let secret = |name: &str, value: &str| {
            std::fs::write(folder.join(name), format!("{value}\n")).with_context(|| format!("write {name}"))
        };
        secret("api.token", TOKEN)?;
        secret("wecom.secret", &wecom.config().secret)?;
        secret("wecom.aes-key", &wecom.config().callback.encoding_aes_key)?;
        secret("youzan.secret", &youzan.config().client_secret)?;
        secret("tmall.secret", &tmall.config().app_secret)?;
        secret("tmall.session", &tmall.session().unwrap_or_default())?;
        let text = [
            self.head(),
            wecom_text(wecom, &self.carry_again)?,
            youzan_text(youzan, self.points_again)?,
            tmall_text(tmall)?,
            self.policies_text()?,
            self.rules.clone(),
        ];
        let path = folder.join("heliu.toml");
        std::fs::write(&path, text.concat()).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    fn head(&self) -> String {
        format!(
            "data = \"data\"\nlisten = \"127.0.0.1:0\"\nclock = \"{}\"\n\n[api]\ntoken = {{ file = \"api.token\" }}\n\n\
             [identity]\nphone_country = \"86\"\n",
            self.clock
        )
    }

    fn policies_text(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        for Bound { name, plugin, settings } in &self.policies {
            let plugin = file(plugin)?;
            write!(
                text,
                "\n[[policy]]\nname = {name:?}\nplugin = {plugin:?}\n\n[policy.settings]\n{settings}\n"
            )?;
        }
        Ok(text)
    }
}

fn file(plugin: &str) -> anyhow::Result<String> {
    Ok(host::plugin(plugin)?.display().to_string())
}

fn wecom_text(wecom: &WecomSim, carry_again: &[&str]) -> anyhow::Result<String> {
    let (config, base) = (wecom.config(), wecom.base_url());
    let callback = &config.callback;
    Ok(format!(
        "\n[[connection]]\nname = \"{WECOM}\"\nplugin = {:?}\nhosts = [{base:?}]\ninward = true\npoll_every = \"2h\"\n\
         shares = [\"phone\", \"taobao.open-uid\"]\ncarry_again = {carry_again:?}\n\n[connection.settings]\ncorp_id = {:?}\ntoken = {:?}\nencoding_aes_key = {{ file = \"wecom.aes-key\" }}\n\
         receive_ids = [{:?}]\nsecret = {{ file = \"wecom.secret\" }}\napi_base = {base:?}\njoin_remark_mobiles = true\nagent_id = 1000002\n\n\
         [[connection.settings.state_handles]]\nprefix = \"{CARD_PREFIX}\"\nscheme = \"taobao.open-uid\"\n\
         scope = \"{TMALL_SHOP}\"\n",
        file("wecom")?,
        config.corp_id,
        callback.token,
        callback.receive_id,
    ))
}

fn youzan_text(youzan: &YouzanSim, points_again: bool) -> anyhow::Result<String> {
    let (config, base) = (youzan.config(), youzan.base_url());
    let again = if points_again { "carry_again = [\"points\"]\n" } else { "" };
    Ok(format!(
        "\n[[connection]]\nname = \"{YOUZAN}\"\nplugin = {:?}\nhosts = [{base:?}]\ninward = true\npoll_every = \"2h\"\nshares = [\"phone\"]\n{again}\n\
         [connection.settings]\nclient_id = {:?}\nclient_secret = {{ file = \"youzan.secret\" }}\nkdt_id = {}\n\
         api_base = {base:?}\n",
        file("youzan")?,
        config.client_id,
        config.kdt_id,
    ))
}

fn tmall_text(tmall: &TmallSim) -> anyhow::Result<String> {
    let (config, base) = (tmall.config(), tmall.base_url());
    Ok(format!(
        "\n[[connection]]\nname = \"{TMALL}\"\nplugin = {:?}\nhosts = [{base:?}]\ninward = true\npoll_every = \"2h\"\nshares = [\"taobao.open-uid\"]\n\n\
         [connection.settings]\napp_key = {:?}\napp_secret = {{ file = \"tmall.secret\" }}\n\
         session = {{ file = \"tmall.session\" }}\nshop = \"{TMALL_SHOP}\"\napi_base = \"{base}/router/rest\"\n\
         # As often as it is asked: months of half hours would be thousands of windows.\n\
         window_s = 7200\n",
        file("tmall")?,
        config.app_key,
    ))
}
